# bench-compare.awk - two series of trials held against each other by shape: each map's throughput as
# a share of the roofline's at the same point, here and in the reference. Run with plots/csv.awk as
#   awk -v cores_1=N -v cores_2=N -v fail_above=P|- -v dots=FILE ... side=1 REFERENCE.csv side=2 HERE.csv
#
# How far two shares may lie apart by chance is learned from the trials: the standard deviation s of the
# logarithm of a trial's throughput, pooled over the loads of a map with so many threads (over all points where
# that has fewer than 4 degrees of freedom). The logarithm of a median of n trials has 1.25 s / sqrt(n), the factor between
# two shares the root of the sum of four such squares; its band is 3 of these, and more where the spread itself is known
# from few trials (about Student's t), but not less than 5 %: two builds of one source differ by that. Where
# the band is wider than a factor of 1.5, what lies within cannot be told.
BEGIN { FLOOR = 0.05; WIDE = 1.5; MEDIAN = 1.2533 }

FNR == 1 {
	csv_header($0, at)
	csv_need(at, "subject workload threads keys dist mix mops valid disturbed rate options")
	next
}
{
	csv_split($0, f)
	# What did nothing in its time has no share.
	if (f[at["valid"]] != 1 || f[at["mops"]] + 0 <= 0 || f[at["rate"]] != "")
		next
	# Reclamation's times cost throughput: only the lowest level counts.
	if (f[at["options"]] ~ /smr-stats":"(sampled|full)/)
		next
	t = f[at["threads"]]
	cores = side == 1 ? cores_1 : cores_2
	class = t == 1 ? 1 : t == cores ? "cores" : t == 4 * cores ? "4 x cores" : t
	load = f[at["workload"]] "  " f[at["mix"]] "  " f[at["dist"]] "  " f[at["keys"]] " keys"
	key = side SUBSEP load SUBSEP class SUBSEP f[at["subject"]]
	n[key]++
	value[key, n[key]] = log(f[at["mops"]])
	quiet[key, n[key]] = f[at["disturbed"]] != 1
	if (!(load in load_seen)) { load_seen[load] = 1; loads[++load_count] = load }
	if (!(class in class_threads)) classes[++class_count] = class
	class_threads[class] = t
	if (!(f[at["subject"]] in subject_seen)) { subject_seen[f[at["subject"]]] = 1; subjects[++subject_count] = f[at["subject"]] }
	seen[side]++
}

# settle KEY - its median and the trials it is of; the spread goes to the side's pool. Disturbed trials count only where most are.
function settle(key, side, pool,    i, k, m, v, mean, sum, left)
{
	for (i = 1; i <= n[key]; i++)
		left += quiet[key, i]
	for (i = 1; i <= n[key]; i++)
		if (quiet[key, i] || 2 * left < n[key]) {
			v = value[key, i]
			for (k = m++; k > 0 && sorted[k] > v; k--)
				sorted[k + 1] = sorted[k]
			sorted[k + 1] = v
			sum += v
		}
	mean = sum / m
	for (i = 1; i <= m; i++)
		squares[side] += (sorted[i] - mean) ^ 2
	freedom[side] += m - 1
	for (i = 1; i <= m; i++)
		squares[pool] += (sorted[i] - mean) ^ 2
	freedom[pool] += m - 1
	median[key] = m % 2 ? sorted[(m + 1) / 2] : (sorted[m / 2] + sorted[m / 2 + 1]) / 2
	used[key] = m
}

# spread_of - of a trial, as the logarithm.
function spread_of(side, class, subject,    pool)
{
	pool = side SUBSEP class SUBSEP subject
	return freedom[pool] < 4 ? spread[side] : sqrt(squares[pool] / freedom[pool])
}

# widths - how many standard deviations a band has.
function widths(class, subject,    side, known)
{
	for (side = 1; side <= 2; side++)
		known += freedom[side SUBSEP class SUBSEP subject]
	return 3 * (1 + 4 / (known < 4 ? 4 : known))
}

function by_threads(    i, k, c)
{
	for (i = 2; i <= class_count; i++) {
		c = classes[i]
		for (k = i - 1; k > 0 && class_threads[classes[k]] > class_threads[c]; k--)
			classes[k + 1] = classes[k]
		classes[k + 1] = c
	}
}

function by_name(list, count,    i, k, name)
{
	for (i = 2; i <= count; i++) {
		name = list[i]
		for (k = i - 1; k > 0 && list[k] > name; k--)
			list[k + 1] = list[k]
		list[k + 1] = name
	}
}

function abs(x) { return x < 0 ? -x : x }
function times(factor) { return sprintf("%.2f times %s", factor >= 1 ? factor : 1 / factor, factor >= 1 ? "better" : "worse") }
function share(log_share) { return sprintf(exp(log_share) < 0.1 ? "%.3f" : "%.2f", exp(log_share)) }
function threads_text(class) { return class == 1 ? "1 thread" : class == "cores" ? "as many threads as cores" : class ~ /x/ ? "4 threads a core" : class " threads" }

# order - the maps by their mean share here, best first.
function order(side,    i, k, s, text, rank)
{
	for (i = 1; i <= maps; i++) {
		s = map[i]
		for (k = i - 1; k > 0 && mean_of[side, rank[k]] < mean_of[side, s]; k--)
			rank[k + 1] = rank[k]
		rank[k + 1] = s
	}
	for (i = 1; i <= maps; i++)
		text = text (i > 1 ? ", " : "") rank[i]
	return text
}

# both - are a map's point and the roofline's there on both sides?
function both(where, subject)
{
	return subject != "roofline" && (1, where SUBSEP subject) in n && (2, where SUBSEP subject) in n &&
	    (1, where SUBSEP "roofline") in n && (2, where SUBSEP "roofline") in n
}

END {
	if (failed)
		exit 2
	if (seen[1] == 0 || seen[2] == 0) {
		print "bench-compare.sh: " (seen[1] == 0 ? "the reference" : "this machine's series") " has no valid trial in a closed loop" >"/dev/stderr"
		exit 2
	}
	for (key in n) {
		split(key, part, SUBSEP)
		settle(key, part[1], part[1] SUBSEP part[3] SUBSEP part[4])
	}
	by_threads()
	by_name(loads, load_count)
	by_name(subjects, subject_count)
	if (freedom[1] + freedom[2] == 0) {
		print "bench-compare.sh: one trial a point on both sides: nothing says how far they lie apart by chance" >"/dev/stderr"
		exit 2
	}
	for (i = 1; i <= 2; i++)
		if (freedom[i] == 0) { # one trial a point: as on the other side
			squares[i] = squares[3 - i]
			freedom[i] = freedom[3 - i]
			blind = 1
		}
	for (i = 1; i <= 2; i++)
		spread[i] = freedom[i] > 0 ? sqrt(squares[i] / freedom[i]) : 0
	for (l = 1; l <= load_count; l++) {
		header = ""
		split("", in_line)
		for (s = 1; s <= subject_count; s++)
			for (c = 1; c <= class_count; c++)
				if (both(loads[l] SUBSEP classes[c], subjects[s]))
					in_line[c] = 1
		for (s = 1; s <= subject_count; s++) {
			line = ""
			cells = 0
			for (c = 1; c <= class_count; c++) {
				where = loads[l] SUBSEP classes[c]
				me = where SUBSEP subjects[s]
				roof = where SUBSEP "roofline"
				if (!both(where, subjects[s])) {
					alone += subjects[s] != "roofline" && ((1, me) in n || (2, me) in n)
					if (in_line[c])
						line = line sprintf("   %19s ", "")
					continue
				}
				cells++
				here = median[2, me] - median[2, roof]
				there = median[1, me] - median[1, roof]
				d = here - there
				band = 0
				for (i = 1; i <= 2; i++)
					band += (MEDIAN * spread_of(i, classes[c], subjects[s])) ^ 2 / used[i, me] + \
					    (MEDIAN * spread_of(i, classes[c], "roofline")) ^ 2 / used[i, roof]
				variance[subjects[s]] += band
				band = widths(classes[c], subjects[s]) * sqrt(band)
				band = band < log(1 + FLOOR) ? log(1 + FLOOR) : band
				line = line sprintf("   %6s %6s %5.2f%s", share(there), share(here), exp(d), abs(d) > band ? (d > 0 ? "+" : "-") : band > log(WIDE) ? "?" : " ")
				print subjects[s] "\t" exp(d) "\t" (abs(d) > band ? (d > 0 ? 1 : -1) : 0) >dots
				points++
				sum[subjects[s]] += d
				count[subjects[s]]++
				all_here[2, subjects[s]] += here
				all_here[1, subjects[s]] += there
				if (subjects[s] == "null")
					continue
				judged++
				if (abs(d) <= band && band > log(WIDE))
					untold++
				else if (abs(d) <= band)
					same++
				else {
					far[++fars] = abs(d)
					said[fars] = sprintf("%s is %s here relative to roofline: %s, %s", subjects[s], times(exp(d)), loads[l],
					    threads_text(classes[c]))
				}
				if (fail_above != "-" && d < -band && (1 - exp(d)) * 100 > fail_above)
					worse++
			}
			if (!cells)
				continue
			if (header == "") {
				header = sprintf("%-16s", "")
				for (c = 1; c <= class_count; c++)
					if (in_line[c])
						header = header sprintf("   %-19s ", threads_text(classes[c]))
				print (printed++ ? "\n" : "") loads[l]
				print header
				header = sprintf("%-16s", "share of roofline")
				for (c = 1; c <= class_count; c++)
					if (in_line[c])
						header = header sprintf("   %6s %6s %5s ", "ref.", "here", "/")
				print header
			}
			printf "%-16s%s\n", subjects[s], line
		}
	}
	if (points == 0) {
		print "bench-compare.sh: the reference and this machine's series have no point with a roofline in common" >"/dev/stderr"
		exit 2
	}
	printf "\n+ better, - worse than the reference by more than the trials' own spread explains (over all, %.1f %% there, %.1f %% here", \
	    100 * spread[1], 100 * spread[2]
	print blind ? "; where a side has one trial a point, the other's; at least 5 %)" : "; at least 5 %)"
	print "? within what chance may do, but that is more than a factor of " WIDE
	if (alone > 0)
		print alone " points are on one side only, and not compared"
	print ""
	print "Over all points of a map: the factor, and how far chance may move it"
	for (s = 1; s <= subject_count; s++) {
		m = subjects[s]
		if (!(m in count) || m == "null")
			continue
		map[++maps] = m
		mean_of[1, m] = all_here[1, m] / count[m]
		mean_of[2, m] = all_here[2, m] / count[m]
		d = sum[m] / count[m]
		band = 3 * sqrt(variance[m]) / count[m]
		band = band < log(1 + FLOOR) ? log(1 + FLOOR) : band
		if (abs(d) > band) {
			word = d > 0 ? "better here" : "worse here"
			shifted[++shifts] = sprintf("%s is %s here relative to roofline, over all its %d points", m, times(exp(d)), count[m])
		} else if (band > log(WIDE)) {
			word = "too noisy to tell"
			untold_maps++
		} else {
			word = "as in the reference"
			widest = band > widest ? band : widest
		}
		printf "  %-16s %5.2f  (%.2f .. %.2f)  %s\n", m, exp(d), exp(-band), exp(band), word
		if (fail_above != "-" && d < -band && (1 - exp(d)) * 100 > fail_above)
			worse++
	}
	print ""
	if (shifts > 0)
		printf "Another shape: %d of %d maps have another share of the roofline's throughput.\n", shifts, maps
	else if (2 * untold_maps > maps)
		print "Too noisy to tell: more and longer trials, on an idle machine, would."
	else
		printf "Same shape: %d of %d maps have the share of the roofline's throughput that they have in the reference, to within a factor of %.2f%s.\n", \
		    maps - untold_maps, maps, exp(widest), (untold_maps > 0 ? "; the others are too noisy to tell" : "")
	for (i = 1; i <= shifts; i++)
		print "- " shifted[i]
	printf "Of the single points %d are where the reference has them, %d are not, and %d are too noisy to tell.\n", same, fars, untold
	# The farthest five.
	for (k = 1; k <= 5 && k <= fars; k++) {
		best = 0
		for (i = 1; i <= fars; i++)
			if (!(i in told) && (best == 0 || far[i] > far[best]))
				best = i
		told[best] = 1
		print "- " said[best]
	}
	if (fars > 5)
		print "- and " fars - 5 " more, marked above"
	for (i = 1; i < maps; i++)
		for (k = i + 1; k <= maps; k++) {
			d = mean_of[1, map[i]] - mean_of[1, map[k]]
			here = mean_of[2, map[i]] - mean_of[2, map[k]]
			band = 3 * sqrt(variance[map[i]] / count[map[i]] ^ 2 + variance[map[k]] / count[map[k]] ^ 2)
			if (abs(d) > log(1 + FLOOR) && abs(here) > log(1 + FLOOR) && (d > 0) != (here > 0) && abs(d - here) > band && ++changed)
				print "- " map[i] " and " map[k] " have changed places: " (here > 0 ? map[i] : map[k]) " is the faster one here"
		}
	printf "Best first%s: %s.\n", changed ? "" : ", as in the reference where they differ by more than 5 %", order(2)
	if (worse > 0) {
		printf "REGRESSION: worse relative to roofline by more than %g %%: %d (of the points and the maps)\n", fail_above, worse
		exit 1
	}
}
