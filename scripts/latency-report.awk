# Latency over load: the table, the judgement, and what load.gp draws.
#
# usage: awk -v machine=.. -v data=DIR -v threads=.. -v mix=.. -v keys=.. -v trials=.. -v duration=.. \
#            -f plots/csv.awk -f latency-report.awk subjects.facts rates null.csv open.csv
# rates: subject, rate, percent, Mops/s of the closed loop, capacity in Mops/s;
# null.csv: trials of subject null at the rates of 50 percent; open.csv: trials of the maps, headers in between
# writes DIR/load.P.S  percent, then median, least and most of response, then of service; P = 1, 2, 3 for
#                      p50, p99, p99.9
#        DIR/load.facts

function ns_text(ns)
{
	return ns == "" ? "-" : ns >= 1e9 ? sprintf("%.3g s", ns / 1e9) : ns >= 1e6 ? sprintf("%.3g ms", ns / 1e6) : \
	    ns >= 1e3 ? sprintf("%.3g us", ns / 1e3) : sprintf("%d ns", ns)
}

# of_trials - median, least and most of a key's values; sets median, low, high.
function of_trials(key,    n, i, k, v, w)
{
	n = split(values[key], v, " ")
	median = low = high = ""
	for (i = 2; i <= n; i++) {
		w = v[i]
		for (k = i - 1; k >= 1 && v[k] + 0 > w + 0; k--)
			v[k + 1] = v[k]
		v[k + 1] = w
	}
	if (n == 0)
		return
	median = v[int((n + 1) / 2)]
	low = v[1]
	high = v[n]
}

BEGIN {
	names = split("p50 p99 p999", percentile, " ")
	shown_as[1] = "p50"; shown_as[2] = "p99"; shown_as[3] = "p99.9"
}

FILENAME ~ /subjects[.]facts$/ {
	if (match($0, /^label\[[0-9]+\] = '/)) {
		s = substr($0, 7) + 0
		name = substr($0, RLENGTH + 1)
		sub(/'$/, "", name)
		number[name] = s
	}
	next
}

FILENAME ~ /rates$/ {
	if (!($1 in closed))
		subject[++subjects] = $1
	percent_of[$1, $2] = $3
	rate_of[$1, $3] = $2
	closed[$1] = $4
	capacity[$1] = $5
	if (!($3 in seen)) {
		seen[$3] = 1
		load[++loads] = $3
	}
	next
}

/^(series|subject),/ {
	csv_header($0, at)
	csv_need(at, "subject rate valid mops get_p50_ns get_p99_ns get_p999_ns get_response_p50_ns get_response_p99_ns get_response_p999_ns")
	next
}

{
	csv_split($0, f)
	key = f[at["subject"]] SUBSEP sprintf("%.0f", f[at["rate"]])
	if (f[at["valid"]] != 1) {
		not_valid++
		next
	}
	if (FILENAME ~ /null[.]csv$/) {
		values["null", sprintf("%.0f", f[at["rate"]])] = values["null", sprintf("%.0f", f[at["rate"]])] " " f[at["get_response_p99_ns"]]
		next
	}
	if (!(key in percent_of))
		next
	key = f[at["subject"]] SUBSEP percent_of[key]
	values[key, "done"] = values[key, "done"] " " f[at["mops"]]
	for (p = 1; p <= names; p++) {
		if (f[at["get_" percentile[p] "_ns"]] == "")
			continue
		values[key, "service", p] = values[key, "service", p] " " f[at["get_" percentile[p] "_ns"]]
		values[key, "response", p] = values[key, "response", p] " " f[at["get_response_" percentile[p] "_ns"]]
	}
}

# judge - the response time of map s at half of its capacity beside what it may be. Random arrivals at half of what
# a server can do, each served in the same time T, take 1.5 T on average (M/D/1), and 1 in 100 of them nearly 4 T.
function judge(s,    one, held, bar)
{
	one = threads * 1000 / capacity[s]
	if (half[s, 1] == "") {
		print "  " s " at 50 %: not judged: it has no valid trial"
		return
	}
	bar = 2 * one
	printf "  %s at 50 %%: response p50 is %s, the bar %s (2 x %s at capacity): %s\n", s, ns_text(half[s, 1]), ns_text(bar), \
	    ns_text(one), half[s, 1] <= bar ? "close" : "NOT close"
	of_trials("null" SUBSEP sprintf("%.0f", rate_of[s, 50]))
	held = median
	if (held == "") {
		print "  " s " at 50 %: p99 is not judged: null has no valid trial at that rate"
		return
	}
	bar = 4 * one + held
	printf "  %s at 50 %%: response p99 is %s, the bar %s (4 x %s, and %s on null): %s\n", s, ns_text(half[s, 2]), ns_text(bar), \
	    ns_text(one), ns_text(held), half[s, 2] <= bar ? "close" : "longer"
}

END {
	if (failed)
		exit 2
	facts = data "/load.facts"
	print machine "\n"
	print "Latency of get over load: " mix ", zipf:0.99, " keys " keys, " threads " thread" (threads == 1 ? "" : "s") "; calls begin at"
	print "random moments (Poisson). service: from the real begin of a call; response: from the moment at which it should have begun."
	print "Medians of " trials " trial" (trials == 1 ? "" : "s") " of " duration ". capacity: the most calls a second that a trial did when calls were always waiting, each one timed."
	for (i = 1; i <= subjects; i++) {
		s = subject[i]
		printf "\n%s: capacity %.3g Mops/s (closed loop, few calls timed: %.3g)\n", s, capacity[s], closed[s]
		printf "  %5s %9s %9s  %-26s  %-26s  %s\n", "load", "asked", "done", "service p50   p99   p99.9", "response p50   p99   p99.9", \
		    "response / service, p50"
		for (l = 1; l <= loads; l++) {
			key = s SUBSEP load[l]
			of_trials(key SUBSEP "done")
			done = median
			for (p = 1; p <= names; p++) {
				of_trials(key SUBSEP "response" SUBSEP p)
				response[p] = median
				above = high
				line = load[l] " " median " " low " " high
				of_trials(key SUBSEP "service" SUBSEP p)
				service[p] = median
				if (median != "" && s in number) {
					print line, median, low, high >(data "/load." p "." number[s])
					drawn[s] = 1
					least = least == "" || low < least + 0 ? low : least
					most = above > most + 0 ? above : most
				}
			}
			kept_up = load[l] > 100 && done != "" && done * 1e6 >= 0.99 * rate_of[s, load[l]]
			kept[s, load[l]] = kept_up
			if (load[l] == 50) {
				half[s, 1] = response[1]
				half[s, 2] = response[2]
			}
			ratio[s, load[l]] = service[1] > 0 ? response[1] / service[1] : ""
			printf "  %3d %% %9s %9s  %8s %8s %8s  %8s %8s %8s  %s%s\n", load[l], sprintf("%.3g M/s", rate_of[s, load[l]] / 1e6), \
			    (done == "" ? "-" : sprintf("%.3g M/s", done)), \
			    ns_text(service[1]), ns_text(service[2]), ns_text(service[3]), ns_text(response[1]), ns_text(response[2]), \
			    ns_text(response[3]), (ratio[s, load[l]] == "" ? "-" : sprintf("%.3g", ratio[s, load[l]])), (kept_up ? "  kept up" : "")
		}
	}
	# Of a queue that is longer at the end than at the beginning, half of the calls wait about a twentieth of the trial.
	print "\nJudgement. At 50 %, close: the median is at most twice the time that a thread takes for a call at capacity, all that a call costs"
	print "here included: calls that arrive at random then wait for half of such a time on average. p99: at most four times that and the p99 of"
	print "subject null at the same rate, whose threads are held up by the machine alone. Beyond the capacity, grows: the median is a thousand times the"
	print "service time or more; kept up: at least 99 % done."
	for (i = 1; i <= subjects; i++) {
		s = subject[i]
		if ((s, 50) in rate_of)
			judge(s)
		if (ratio[s, 110] != "")
			printf "  %s at 110 %%: response p50 is %.3g times service: %s\n", s, ratio[s, 110], \
			    (kept[s, 110] ? "it kept up: this is not beyond its capacity" : \
			    ratio[s, 110] >= 1000 ? "it grows, as it is to" : "it does NOT grow")
	}
	if (not_valid > 0)
		print "\n" not_valid " trial" (not_valid == 1 ? " was" : "s were") " not valid and left out."
	for (i = 1; i <= subjects; i++)
		if (subject[i] in drawn)
			list = list (list == "" ? "" : " ") number[subject[i]]
	farthest = 0
	for (l = 1; l <= loads; l++)
		farthest = load[l] + 0 > farthest ? load[l] + 0 : farthest
	gsub(/'/, "", mix)
	gsub(/'/, "", machine)
	print "legend = '" list "'\nnote = '" (list == "" ? "No valid trial." : "") "'\nfarthest = " farthest >facts
	print "least = " (least > 0 ? least : 1) "\nmost = " (most > 0 ? most : 1) >facts
	print "title = 'Latency of get over load, " threads " thread" (threads == 1 ? "" : "s") ": " mix "; zipf:0.99'" >facts
	print "caption_lines = 3\narray caption[3]" >facts
	print "caption[1] = 'Solid: response time, from the moment at which a call should have begun; dashed: service time, from its real begin. Bars: least to most of the trials.'" >facts
	print "caption[2] = '100 % is the most that each map did when calls were always waiting. " keys " keys; " trials " trial" (trials == 1 ? "" : "s") " of " duration " a point.'" >facts
	print "caption[3] = '" machine "'" >facts
}
