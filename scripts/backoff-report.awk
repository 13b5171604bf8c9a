# From `hamtbench export --what points` of a sweep over --backoff: the table of all
# points, a short one, a recommendation, and the cells of the heat maps.
#
# usage: awk -v default_text=POLICY -v machine=TEXT -v dir=FOLDER -f plots/csv.awk -f backoff-report.awk points.csv
#
# A condition is workload, subject and threads. A policy's gain is the geometric mean,
# over all conditions, of its median throughput to that of none. What of it is
# noise: a median is known to h, half its confidence interval as a share of it, so
# the mean of K logarithms is known to sqrt(sum of h^2) / K. A gain has both the
# policy's noise and none's; the ratio of two gains that of these two policies, since
# none's median is in both and cancels.

function quit(text)
{
	print "backoff-report.awk: " text >"/dev/stderr"
	failed = 1
	exit 2
}

# member - the text of "name":"..." in the options, which are JSON.
function member(options, name,    at, rest)
{
	at = index(options, "\"" name "\":\"")
	if (at == 0)
		return ""
	rest = substr(options, at + length(name) + 4)
	return substr(rest, 1, index(rest, "\"") - 1)
}

# number - the value of "name":N in the options.
function number(options, name,    at)
{
	at = index(options, "\"" name "\":")
	return at == 0 ? "" : substr(options, at + length(name) + 3) + 0
}

function family(policy)
{
	return index(policy, ":") ? substr(policy, 1, index(policy, ":") - 1) : policy
}

function real(text, format)
{
	return text == "" ? "-" : sprintf(format, text)
}

# The condition of a map says which key count; ends of a stack have none.
FNR == 1 {
	csv_header($0, at)
	needs = "subject workload threads mops_median mops_lo mops_hi mops_coverage jain thread_min_mops thread_max_mops " \
	    "cpu_ns_per_op cas_failed_per_op valid options"
	n = split(needs, need, " ")
	for (i = 1; i <= n; i++)
		if (!(need[i] in at))
			quit("no column " need[i])
	next
}

{
	csv_split($0, f)
	policy = member(f[at["options"]], "backoff")
	where = f[at["workload"]] " " f[at["subject"]] " " f[at["threads"]]
	if (f[at["mops_median"]] + 0 <= 0) {
		print "backoff-report.awk: " where ", " policy ": no valid trial" >"/dev/stderr"
		next
	}
	if (!(policy in known)) {
		known[policy] = ++policies
		policy_at[policies] = policy
	}
	if (!(where in seen)) {
		seen[where] = ++conditions
		condition[conditions] = where
		workload[conditions] = f[at["workload"]]
		subject[conditions] = f[at["subject"]]
		threads[conditions] = f[at["threads"]] + 0
	}
	k = seen[where] SUBSEP policy
	mops[k] = f[at["mops_median"]] + 0
	lo[k] = f[at["mops_lo"]] + 0
	hi[k] = f[at["mops_hi"]] + 0
	jain[k] = f[at["jain"]] + 0
	slowest[k] = f[at["thread_min_mops"]]
	fastest[k] = f[at["thread_max_mops"]]
	cpu[k] = f[at["cpu_ns_per_op"]]
	failures[k] = f[at["cas_failed_per_op"]]
	valid[k] = f[at["valid"]]
	if (least_coverage == "" || f[at["mops_coverage"]] + 0 < least_coverage)
		least_coverage = f[at["mops_coverage"]] + 0
}

function row(c, policy,    k)
{
	k = c SUBSEP policy
	return sprintf("  %-24s %9.3f %9.3f .. %-9.3f %7.3f %6.3f %8s %8s %9s %9s\n", policy, mops[k], lo[k], hi[k],
	    mops[k] / mops[c SUBSEP "none"], jain[k], real(slowest[k], "%.3f"), real(fastest[k], "%.3f"),
	    real(cpu[k], "%.1f"), real(failures[k], "%.4f"))
}

function heading(c)
{
	return sprintf("\n%s, %s, %d thread%s\n  %-24s %9s %22s %7s %6s %8s %8s %9s %9s\n", workload[c], subject[c], threads[c],
	    threads[c] == 1 ? "" : "s", "policy", "Mops/s", sprintf("%.0f %% interval", 100 * least_coverage), "to none", "Jain", "slowest", "fastest",
	    "CPU ns/op", "failed/op")
}

# Conditions by workload, subject and threads: insertion sort, there are few.
function sort_conditions(    i, j, c)
{
	for (i = 1; i <= conditions; i++)
		order[i] = i
	for (i = 2; i <= conditions; i++) {
		c = order[i]
		for (j = i - 1; j >= 1 && after(order[j], c); j--)
			order[j + 1] = order[j]
		order[j + 1] = c
	}
}

function after(a, b)
{
	if (workload[a] != workload[b])
		return workload[a] > workload[b]
	if (subject[a] != subject[b])
		return subject[a] > subject[b]
	return threads[a] > threads[b]
}

# Policies by family in the order of the grid, numbers by size.
function rank(policy,    n, part, name, r)
{
	name = family(policy)
	r = index("none constant exp ts mcs ab seed-literal default ", name " ")
	n = split(substr(policy, length(name) + 2), part, ",")
	return sprintf("%03d %010d %010d %010d", r == 0 ? 999 : r, part[1], part[2], part[3])
}

function sort_policies(    i, j, p)
{
	for (i = 2; i <= policies; i++) {
		p = policy_at[i]
		for (j = i - 1; j >= 1 && rank(policy_at[j]) > rank(p); j--)
			policy_at[j + 1] = policy_at[j]
		policy_at[j + 1] = p
	}
}

# judge - gain, noise (its own, without none's) and fairness of each policy that was measured everywhere.
function judge(    i, c, p, k, sum, squares, fair, h)
{
	for (i = 1; i <= policies; i++) {
		p = policy_at[i]
		sum = squares = fair = 0
		for (c = 1; c <= conditions; c++) {
			k = c SUBSEP p
			if (!(k in mops) || !((c SUBSEP "none") in mops))
				break
			sum += log(mops[k] / mops[c SUBSEP "none"])
			h = (hi[k] - lo[k]) / 2 / mops[k]
			squares += h * h
			fair += jain[k]
		}
		if (c <= conditions)
			continue
		gain[p] = exp(sum / conditions)
		noise[p] = sqrt(squares) / conditions
		fairness[p] = fair / conditions
	}
}

# gain_noise - what of a policy's gain is noise; that of none is 1 by definition.
function gain_noise(p)
{
	return p == "none" ? 0 : sqrt(noise[p] * noise[p] + noise["none"] * noise["none"])
}

# within - can the gains of two policies, of which one may be none, not be told apart?
function within(a, b,    d)
{
	# An interval of no probability says nothing.
	if (least_coverage < 0.5)
		return 1
	d = log(gain[a]) - log(gain[b])
	return d * d <= noise[a] * noise[a] + noise[b] * noise[b]
}

function recommend(    i, p, best, fastest_all, near, text, chosen, doubt)
{
	for (i = 1; i <= policies; i++) {
		p = policy_at[i]
		if (!(p in gain))
			continue
		if (fastest_all == "" || gain[p] > gain[fastest_all])
			fastest_all = p
		if (fairness[p] >= fairness["none"] - 0.05 && (best == "" || gain[p] > gain[best]))
			best = p
	}
	for (i = 1; i <= policies; i++)
		near += policy_at[i] in gain && within(policy_at[i], best)
	chosen = best
	if (default_text in gain && within(default_text, best) && fairness[default_text] >= fairness["none"] - 0.05)
		chosen = default_text
	else if ("default" in gain && within("default", best) && fairness["default"] >= fairness["none"] - 0.05)
		chosen = "default"
	else if (within("none", best))
		chosen = "none"
	if (least_coverage < 0.9)
		doubt = sprintf(" at least: with so few trials the intervals hold with %.0f %%", 100 * least_coverage)
	text = sprintf("Recommended here: --backoff %s (%s). ", chosen, machine)
	text = text sprintf("Over %d conditions its throughput is %.3f of none's (geometric mean; noise of both +-%.1f %%%s), ",
	    conditions, gain[chosen], 100 * gain_noise(chosen), doubt)
	text = text sprintf("Jain's index %.3f (none: %.3f). ", fairness[chosen], fairness["none"])
	if (chosen != best)
		text = text sprintf("The best fair one measured, %s, has %.3f: within noise. ", best, gain[best])
	text = text sprintf("%d of %d policies cannot be told from the best. ", near, policies)
	if (within("none", best))
		text = text "Not even none: on this machine the choice matters little. "
	if (fastest_all != best)
		text = text sprintf("Faster, but less fair than none by more than 0.05: %s (%.3f, Jain %.3f). ", fastest_all,
		    gain[fastest_all], fairness[fastest_all])
	printf "BACKOFF=%s\nBACKOFF_GAIN=%.4f\nBACKOFF_NOISE=%.4f\nBACKOFF_JAIN=%.4f\nBACKOFF_JAIN_NONE=%.4f\nBACKOFF_BEST=%s\n" \
	    "BACKOFF_BEST_GAIN=%.4f\nBACKOFF_SAME_AS_BEST=%d\nBACKOFF_POLICIES=%d\nBACKOFF_CONDITIONS=%d\n", chosen,
	    gain[chosen], gain_noise(chosen), fairness[chosen], fairness["none"], best, gain[best], near, policies,
	    conditions >(dir "/backoff.env")
	close(dir "/backoff.env")
	return text
}

# wrapped - text in lines of at most 100 columns.
function wrapped(text,    n, word, i, line, out)
{
	n = split(text, word, " ")
	for (i = 1; i <= n; i++) {
		if (length(line) + length(word[i]) > 99) {
			out = out line "\n"
			line = ""
		}
		line = line (line == "" ? "" : " ") word[i]
	}
	return out line "\n"
}

# The cells of one plane of exp for one workload and subject: y is parameter number py.
function heat(w, s, py, px, pfixed, file,    i, n, part, p, best_fixed, count, c, k, fixed, y, x, cells)
{
	split("", count)
	split("", fixed)
	for (i = 1; i <= policies; i++) {
		p = policy_at[i]
		if (family(p) != "exp")
			continue
		split(substr(p, 5), part, ",")
		if (!((part[pfixed] SUBSEP part[py]) in fixed)) {
			fixed[part[pfixed] SUBSEP part[py]]
			count[part[pfixed]]++
		}
	}
	best_fixed = ""
	for (i in count)
		if (best_fixed == "" || count[i] > count[best_fixed] || (count[i] == count[best_fixed] && i + 0 < best_fixed + 0))
			best_fixed = i
	if (best_fixed == "" || count[best_fixed] < 2)
		return
	for (n = 1; n <= conditions; n++) {
		c = order[n]
		if (workload[c] != w || subject[c] != s)
			continue
		for (i = 1; i <= policies; i++) {
			p = policy_at[i]
			k = c SUBSEP p
			if (family(p) != "exp" || !(k in mops) || !((c SUBSEP "none") in mops))
				continue
			split(substr(p, 5), part, ",")
			if (part[pfixed] != best_fixed)
				continue
			printf "%d %d %d %.6f %.6f\n", threads[c], part[px], part[py], mops[k] / mops[c SUBSEP "none"], mops[k] >(dir "/" file)
			cells++
		}
	}
	if (cells > 0) {
		printf "# title: exp:THRESHOLD,C,M on %s, %s; %s = %s\n# y: %s\n# machine: %s\n", w, s,
		    name_of[pfixed], best_fixed, name_of[py], machine >(dir "/" file)
		close(dir "/" file)
	}
}

END {
	if (failed)
		exit 2
	if (conditions == 0)
		quit("there is no valid point")
	for (c = 1; c <= conditions; c++)
		if (!((c SUBSEP "none") in mops))
			quit(condition[c] ": none was not measured")
	sort_conditions()
	sort_policies()
	judge()
	said = recommend()

	table = dir "/table.txt"
	csv = dir "/backoff.csv"
	short = dir "/short.txt"
	print "workload,subject,threads,policy,mops_median,mops_lo,mops_hi,mops_coverage,to_none,jain,thread_min_mops," \
	    "thread_max_mops,cpu_ns_per_op,cas_failed_per_op,valid" >csv
	print machine >table
	print machine >short
	for (n = 1; n <= conditions; n++) {
		c = order[n]
		printf "%s", heading(c) >table
		printf "%s", heading(c) >short
		split("", best)
		for (i = 1; i <= policies; i++) {
			p = policy_at[i]
			k = c SUBSEP p
			if (!(k in mops))
				continue
			printf "%s", row(c, p) >table
			printf "%s,%s,%d,\"%s\",%.6g,%.6g,%.6g,%.4g,%.4f,%.4f,%s,%s,%s,%s,%s\n", workload[c], subject[c], threads[c], p, mops[k],
			    lo[k], hi[k], least_coverage, mops[k] / mops[c SUBSEP "none"], jain[k], slowest[k], fastest[k], cpu[k],
			    failures[k], valid[k] >csv
			if (!(family(p) in best) || mops[k] > mops[c SUBSEP best[family(p)]])
				best[family(p)] = p
		}
		split("", printed)
		for (i = 1; i <= policies; i++)
			if (family(policy_at[i]) in best && !(family(policy_at[i]) in printed)) {
				printed[family(policy_at[i])]
				printf "%s", row(c, best[family(policy_at[i])]) >short
			}
	}
	printf "\n%s", wrapped(said) >table
	printf "\nOf each kind the setting with the highest throughput.\n\n%s", wrapped(said) >short
	close(table)
	close(short)
	close(csv)

	name_of[1] = "threshold"
	name_of[2] = "c"
	for (n = 1; n <= conditions; n++) {
		w = workload[order[n]]
		s = subject[order[n]]
		if ((w, s) in drawn)
			continue
		drawn[w, s]
		heat(w, s, 2, 3, 1, w "-" s "-c-m.heat")
		heat(w, s, 1, 3, 2, w "-" s "-threshold-m.heat")
	}
}
