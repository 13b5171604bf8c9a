# flagship.awk - points of several series as one table: hamt beside the others. Run with plots/csv.awk.
# Columns by name: every series brings its own header.
{ n = csv_split($0, f) }
f[1] == "subject" { for (i = 1; i <= n; i++) at[f[i]] = i; next }
{
	key = f[at["workload"]] " " f[at["keys"]] " " f[at["mix"]] " " f[at["threads"]]
	if (!(key in seen)) { seen[key] = ++points; name[points] = key; threads[points] = f[at["threads"]] }
	mops[key, f[at["subject"]]] = f[at["mops_median"]]
	low[key, f[at["subject"]]] = f[at["mops_min"]]
	high[key, f[at["subject"]]] = f[at["mops_max"]]
	trials[key] = f[at["valid"]]
	slowest[key, f[at["subject"]]] = f[at["thread_min_mops"]]
	rss[key, f[at["subject"]]] = f[at["rss_bytes"]]
}
function ratio(a, b) { return b > 0 && a > 0 ? sprintf("%.2f", a / b) : "-" }
function figure(x) { return x == "" ? "-" : sprintf(x < 10 ? "%.2f" : "%.1f", x) }
function range(k, s) { return mops[k, s] > 0 ? figure(low[k, s]) ".." figure(high[k, s]) : "" }
function keys_of(k) { return k >= 1000000 ? k / 1000000 "M" : k / 1000 "K" }
END {
	printf "%-7s %-5s %-26s %2s %6s  %12s %12s %12s %12s  %8s %8s %8s\n", "load", "keys", "mix", "T", "trials", "hamt",
	    "roofline", "urcu-lfht", "seed", "/roofl.", "/urcu", "/seed"
	fflush()
	sorted = "sort | sed 's/^[^|]*|//'"
	for (p = 1; p <= points; p++) {
		k = name[p]
		split(k, w, " ")
		h = mops[k, "hamt"]
		# By load, keys and threads, whatever the order in which they were measured.
		place = sprintf("%d %012d %03d %s", w[1] == "load" ? 2 : 1, w[2], w[4], w[3])
		printf "%s 1|%-7s %-5s %-26s %2s %6s  %12s %12s %12s %12s  %8s %8s %8s\n", place,
		    w[1], keys_of(w[2]), w[3], w[4], trials[k],
		    figure(h), figure(mops[k, "roofline"]), figure(mops[k, "urcu-lfht"]), figure(mops[k, "seed"]),
		    ratio(h, mops[k, "roofline"]), ratio(h, mops[k, "urcu-lfht"]), ratio(h, mops[k, "seed"]) | sorted
		printf "%s 2|%51s %12s %12s %12s %12s\n", place, "", range(k, "hamt"), range(k, "roofline"), range(k, "urcu-lfht"),
		    range(k, "seed") | sorted
	}
	close(sorted)
	print ""
	for (p = 1; p <= points; p++) {
		k = name[p]
		split(k, w, " ")
		if (w[4] == 8) {
			two = w[1] " " w[2] " " w[3] " 2"
			printf "8 threads, %s: %s of the throughput of 2 threads; slowest thread %s of the mean\n", w[3],
			    ratio(mops[k, "hamt"], mops[two, "hamt"]), ratio(8 * slowest[k, "hamt"], mops[k, "hamt"])
		}
		if (w[1] == "load" && w[3] == "extend")
			printf "extend in batches of 32, %s keys: %s times hamt_insert, %s times the inserts of urcu-lfht\n", keys_of(w[2]),
			    ratio(mops[k, "hamt"], mops["load " w[2] " insert " w[4], "hamt"]),
			    ratio(mops[k, "hamt"], mops["load " w[2] " insert " w[4], "urcu-lfht"])
		if (w[1] == "load" && w[3] == "insert")
			for (s = 1; s <= split("hamt urcu-lfht seed", subject, " "); s++)
				printf "%s, %s keys: %.1f bytes a key, the whole process\n", subject[s], keys_of(w[2]),
				    rss[k, subject[s]] / w[2]
		if (w[3] == "get_many=100")
			printf "get_many in batches of 32, %s keys: %s times hamt_get; %s of roofline's get_many, which is %s times its get\n",
			    keys_of(w[2]), ratio(mops[k, "hamt"], mops[w[1] " " w[2] " get=100 1", "hamt"]),
			    ratio(mops[k, "hamt"], mops[k, "roofline"]),
			    ratio(mops[k, "roofline"], mops[w[1] " " w[2] " get=100 1", "roofline"])
	}
}
