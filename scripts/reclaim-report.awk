# From the points of reclaim-sweep.sh to a table, a recommendation, and a file for the shell.
#
# usage: awk -v machine=TEXT -v dir=DIR -f plots/csv.awk -f reclaim-report.awk reclaim.csv trials.csv
# The first has the points, the second their trials, of which a median hides the worst.
# writes DIR/table.txt, DIR/reclaim.env
#
# Recommended is, for each map, among the settings that kept their bound in every trial, also while a
# reader was stalled for ever: those whose throughput, as a geometric mean over all
# workloads and numbers of threads of the grid, is within NEAR of the best; of these the one
# with the least garbage. Settings that were not measured everywhere, stalled for ever included, take no part.

function count_text(x)
{
	return x == "" ? "-" : x >= 999500 ? sprintf("%.3gM", x / 1e6) : x >= 999.5 ? sprintf("%.3gK", x / 1e3) : sprintf("%.3g", x)
}

function time_text(ns)
{
	return ns == "" ? "-" : ns >= 999.5e6 ? sprintf("%.3g s", ns / 1e9) : ns >= 999.5e3 ? sprintf("%.3g ms", ns / 1e6) : \
	    ns >= 999.5 ? sprintf("%.3g us", ns / 1e3) : sprintf("%.3g ns", ns)
}

# waited_text - a percentile of waiting times, or that it is more than so much, where too much still waited at stop.
function waited_text(ns, above)
{
	return ns == "" && above != "" ? ">" time_text(above) : time_text(ns)
}

function share_text(x)
{
	return x == "" ? "-" : sprintf("%.1f %%", 100 * x)
}

function figure_text(x)
{
	return x == "" ? "-" : sprintf("%.3g", x)
}

# option_of - the value of an option, a word or a number, in the JSON of a point.
function option_of(json, name)
{
	if (!match(json, "\"" name "\":(\"[^\"]*\"|[0-9]+)"))
		return ""
	json = substr(json, RSTART + length(name) + 3, RLENGTH - length(name) - 3)
	gsub(/"/, "", json)
	return json
}

# scheme_of - how the setting is written for --reclaim.
function scheme_of(json, reclaimer,    scheme)
{
	scheme = option_of(json, "reclaim")
	return scheme == "" ? reclaimer : scheme
}

function say(text)
{
	print text >table
}

BEGIN {
	NEAR = 0.97
	table = dir "/table.txt"
	env = dir "/reclaim.env"
}

FNR == 1 && FNR != NR {
	csv_header($0, at)
	csv_need(at, "sweep map subject reclaimer workload threads options valid bound_share stalls undrained")
	of_trials = 1
	next
}

FNR == 1 {
	csv_header($0, at)
	csv_need(at, "sweep map subject reclaimer workload threads options valid mops_median mops_min mops_max pending_peak pending_mean " \
	    "bound_share pass_share stall_slope drain_ns reclaim_p50_ns reclaim_p99_ns")
	next
}

{
	csv_split($0, f)
	map = f[at["map"]]
	sweep = f[at["sweep"]]
	scheme = scheme_of(f[at["options"]], f[at["reclaimer"]])
	workload = sweep == "endless" || sweep == "bounded" ? "endless stall" : f[at["workload"]]
	threads = f[at["threads"]] + 0
	level = option_of(f[at["options"]], "smr-stats")
	if (sweep == "waves")
		next # it is there for its picture
	if (of_trials) {
		k = map SUBSEP workload SUBSEP scheme SUBSEP threads
		if (f[at["bound_share"]] + 0 > largest[k] + 0)
			largest[k] = f[at["bound_share"]]
		if (f[at["valid"]] == 1 && f[at["undrained"]] != "") {
			stalls[k, level] += f[at["stalls"]]
			undrained[k, level] += f[at["undrained"]]
		}
		next
	}
	if (!(map in map_seen)) {
		map_seen[map] = ++maps
		map_name[maps] = map
	}
	if (!((map, workload) in load_seen)) {
		load_seen[map, workload] = ++loads[map]
		load_name[map, loads[map]] = workload
	}
	if (!((map, scheme) in scheme_seen)) {
		scheme_seen[map, scheme] = ++schemes[map]
		scheme_name[map, schemes[map]] = scheme
	}
	threads_seen[threads] = threads
	k = map SUBSEP workload SUBSEP scheme SUBSEP threads
	point[k] = 1
	bad[k] += f[at["valid"]] + 0 == 0
	# Speed from the level that costs least, times from the one that takes them.
	if (level != "sampled" || !(k in mops)) {
		mops[k] = f[at["mops_median"]]
		if (f[at["valid"]] > 1 && mops[k] > 0)
			spread[map, k] = (f[at["mops_max"]] - f[at["mops_min"]]) / mops[k]
	}
	if (f[at["pending_peak"]] + 0 > peak[k] + 0)
		peak[k] = f[at["pending_peak"]]
	if (level == "sampled" || !(k in mean)) {
		mean[k] = f[at["pending_mean"]]
		passes[k] = f[at["pass_share"]]
		slope[k] = f[at["stall_slope"]]
		drain[k] = f[at["drain_ns"]]
		timed_at[k] = level
		median[k] = f[at["reclaim_p50_ns"]]
		tail[k] = f[at["reclaim_p99_ns"]]
		median_above[k] = "reclaim_p50_above_ns" in at ? f[at["reclaim_p50_above_ns"]] : ""
		tail_above[k] = "reclaim_p99_above_ns" in at ? f[at["reclaim_p99_above_ns"]] : ""
	}
	if (f[at["bound_share"]] + 0 > largest[k] + 0)
		largest[k] = f[at["bound_share"]]
}

# order_schemes - of map m, by name: they come in the order of random trials.
function order_schemes(m,    i, k, name)
{
	for (i = 2; i <= schemes[m]; i++) {
		name = scheme_name[m, i]
		for (k = i - 1; k > 0 && scheme_name[m, k] > name; k--)
			scheme_name[m, k + 1] = scheme_name[m, k]
		scheme_name[m, k + 1] = name
	}
}

# order_threads - in threads_at[1 ..], ascending.
function order_threads(    t, i)
{
	counts = 0
	for (t in threads_seen) {
		for (i = counts++; i > 0 && threads_at[i] > threads_seen[t]; i--)
			threads_at[i + 1] = threads_at[i]
		threads_at[i + 1] = threads_seen[t]
	}
}

function print_load(m, workload,    s, t, k, name, timed)
{
	say(m ", " workload)
	say(sprintf("  %-24s %7s %7s %8s %8s %8s %8s %8s %8s %9s %8s %9s", "--reclaim", "threads", "Mops/s", "garbage", "mean", \
	    "of bound", "p50", "p99", "passes", "growth/s", "drain", "undrained"))
	for (t = 1; t <= counts; t++)
		for (s = 1; s <= schemes[m]; s++) {
			k = m SUBSEP workload SUBSEP scheme_name[m, s] SUBSEP threads_at[t]
			if (!(k in point))
				continue
			name = scheme_name[m, s]
			timed = k SUBSEP timed_at[k]
			say(sprintf("  %-24s %7d %7s %8s %8s %8s %8s %8s %8s %9s %8s %9s%s", name, threads_at[t], figure_text(mops[k]), \
			    count_text(peak[k]), count_text(mean[k]), share_text(largest[k]), waited_text(median[k], median_above[k]), waited_text(tail[k], tail_above[k]), \
			    share_text(passes[k]), slope[k] == "" ? "-" : (slope[k] < 0 ? "-" : "") count_text(slope[k] < 0 ? -slope[k] : slope[k]), \
			    time_text(drain[k]), (timed in stalls ? undrained[timed] "/" stalls[timed] : "-"), bad[k] ? "  not valid" : ""))
		}
	say("")
}

# noise - the median over a map's points of how far apart the trials of a point lie; 0: not known.
function noise(m,    k, w, n, i, at_spread)
{
	n = 0
	for (k in spread) {
		split(k, w, SUBSEP)
		if (w[1] != m)
			continue
		for (i = n++; i > 0 && at_spread[i] > spread[k]; i--)
			at_spread[i + 1] = at_spread[i]
		at_spread[i + 1] = spread[k]
	}
	return n > 0 ? at_spread[int((n + 1) / 2)] : 0
}

# judge - geometric means of a map's settings, and what is recommended.
function judge(m,    s, l, t, k, name, n, need, need_endless, sum, garbage, worst_share, complete, best, best_any, chosen, least)
{
	best = best_any = 0
	for (s = 1; s <= schemes[m]; s++) {
		name = scheme_name[m, s]
		n = sum = garbage = worst_share = 0
		complete = 1
		for (l = 1; l <= loads[m]; l++)
			for (t = 1; t <= counts; t++) {
				k = m SUBSEP load_name[m, l] SUBSEP name SUBSEP threads_at[t]
				if (!(k in point))
					continue
				if (bad[k] || mops[k] + 0 <= 0)
					complete = 0
				worst_share = largest[k] + 0 > worst_share ? largest[k] + 0 : worst_share
				if (load_name[m, l] == "endless stall") {
					stalled[m, name]++
					endless_peak[m, name] = peak[k] + 0 > endless_peak[m, name] + 0 ? peak[k] : endless_peak[m, name]
					continue
				}
				n++
				sum += mops[k] + 0 > 0 ? log(mops[k]) : 0
				garbage += log(mean[k] + 1)
			}
		need = n > need ? n : need
		need_endless = stalled[m, name] > need_endless ? stalled[m, name] : need_endless
		speed[m, name] = complete && n > 0 ? exp(sum / n) : 0
		made[m, name] = n
		garbage_mean[m, name] = n > 0 ? exp(garbage / n) : 0
		share[m, name] = worst_share
	}
	for (s = 1; s <= schemes[m]; s++) {
		name = scheme_name[m, s]
		if (made[m, name] < need)
			speed[m, name] = 0
		if (name !~ /^none/ && speed[m, name] > best_any) {
			best_any = speed[m, name]
			fastest = name
		}
		# A bound of its own, and kept, with a reader stalled for ever too.
		kept[m, name] = share[m, name] > 0 && share[m, name] <= 1 && need_endless > 0 && stalled[m, name] == need_endless
		if (kept[m, name] && speed[m, name] > best)
			best = speed[m, name]
	}
	for (s = 1; s <= schemes[m]; s++) {
		name = scheme_name[m, s]
		if (kept[m, name] && speed[m, name] > 0 && speed[m, name] >= NEAR * best && \
		    (chosen == "" || garbage_mean[m, name] < least)) {
			chosen = name
			least = garbage_mean[m, name]
		}
	}
	if (chosen == "") {
		say(m ": no setting that kept a bound was measured everywhere, with a reader stalled for ever too: nothing to recommend.")
		return ""
	}
	say(sprintf("Recommended for %s: --reclaim %s: %.3g Mops/s (geometric mean of %d loads), %.0f %% of the fastest that frees (%s);", \
	    m, chosen, speed[m, chosen], need, 100 * speed[m, chosen] / best_any, fastest))
	say(sprintf("  garbage %s objects on average, in no trial more than %.0f %% of its bound, %s at most while a reader was stalled for ever.", \
	    count_text(garbage_mean[m, chosen]), 100 * share[m, chosen], count_text(endless_peak[m, chosen])))
	say(sprintf("  Of the settings with a bound it has the least garbage within %.0f %% of the best throughput.", 100 * (1 - NEAR)))
	if (noise(m) > 1 - NEAR)
		say(sprintf("  But the trials of a point lie %.0f %% apart here (median): settings closer than that have not been told apart.", \
		    100 * noise(m)))
	return chosen
}

END {
	if (failed)
		exit 2
	order_threads()
	say(machine)
	say("")
	for (i = 1; i <= maps; i++)
		order_schemes(map_name[i])
	for (i = 1; i <= maps; i++)
		for (l = 1; l <= loads[map_name[i]]; l++)
			print_load(map_name[i], load_name[map_name[i], l])
	print "# What scripts/reclaim-sweep.sh recommends; for . (dot) in a shell, or make's include." >env
	for (i = 1; i <= maps; i++) {
		chosen = judge(map_name[i])
		upper = toupper(map_name[i])
		gsub(/[^A-Z0-9]/, "_", upper)
		if (chosen == "")
			continue
		# The first map is the one that users take.
		if (!env_said++)
			print "RECLAIM=" chosen >env
		print "RECLAIM_" upper "=" chosen >env
	}
}
