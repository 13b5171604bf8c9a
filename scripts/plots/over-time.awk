# Throughput and the longest call over time of the chosen trials.
#
# usage: awk -v out=DIR -f csv.awk -f over-time.awk chosen.tsv samples.csv phases.csv
# writes DIR/over-time.1.S  seconds since the common start, Mops/s and longest call in ns since the line
#                           before, 1 if the map was being resized meanwhile
# and adds to DIR/over-time.facts how far the axes must go, and where phases begin.

BEGIN {
	POINTS = 300 # of a curve, at most: more than can be told apart
}

FILENAME ~ /chosen[.]tsv$/ {
	split($0, f, "\t")
	if (f[2] == "over-time") {
		subject[f[1]] = f[4]
		order[++trials] = f[1]
		printf "" >(out "/over-time.1." f[4])
	}
	next
}

FNR == 1 {
	part++
	csv_header($0, at)
	csv_need(at, part == 1 ? "trial_id at_ns ops longest_ns" : "trial_id name elapsed_s")
	next
}

part == 1 {
	csv_split($0, f)
	t = f[at["trial_id"]]
	if (!(t in subject))
		next
	n = ++samples[t]
	at_s[t, n] = f[at["at_ns"]] / 1e9
	ops[t, n] = f[at["ops"]] + 0
	longest[t, n] = f[at["longest_ns"]] + 0
	resizings[t, n] = "resizings" in at ? f[at["resizings"]] : ""
	last = at_s[t, n] > last ? at_s[t, n] : last
	next
}

{
	csv_split($0, f)
	t = f[at["trial_id"]]
	if (!(t in subject) || f[at["elapsed_s"]] == "")
		next
	# Phases of a load with stalls are no stretches of time: they have no begin.
	begin = "begin_s" in at ? f[at["begin_s"]] : ends[t] + 0
	ends[t] += f[at["elapsed_s"]]
	if (begin == "")
		next
	phases++
	phase_at[phases] = begin
	phase_of[phases] = subject[t]
	phase_name[phases] = f[at["name"]]
	phase_number[phases] = ++phases_of[t]
}

END {
	if (failed)
		exit 2
	facts = out "/over-time.facts"
	for (k = 1; k <= trials; k++) {
		t = order[k]
		file = out "/over-time.1." subject[t]
		each = int(samples[t] / POINTS) + 1
		from = from_ops = from_resizings = most_ns = 0
		for (i = 1; i <= samples[t]; i++) {
			most_ns = longest[t, i] > most_ns ? longest[t, i] : most_ns
			if ((i % each != 0 && i < samples[t]) || at_s[t, i] <= from)
				continue
			mops = (ops[t, i] - from_ops) / (at_s[t, i] - from) / 1e6
			mops = mops > 0 ? mops : 0
			resized = (resizings[t, i] + 0 > from_resizings) ? 1 : 0
			any_resized = any_resized || resized
			print at_s[t, i], mops, (most_ns > 0 ? most_ns : "NaN"), resized, from >file
			top = mops > top ? mops : top
			slowest = most_ns > slowest ? most_ns : slowest
			if (most_ns > 0 && (quickest == "" || most_ns < quickest))
				quickest = most_ns
			from = at_s[t, i]
			from_ops = ops[t, i]
			from_resizings = resizings[t, i] + 0
			most_ns = 0
		}
		most_samples = samples[t] > most_samples ? samples[t] : most_samples
		close(file)
	}
	if (trials == 0)
		exit
	# The first one is from the very start.
	if (most_samples < 2) {
		without_curves(out, "over-time", without_samples(most_samples))
		exit
	}
	# Where all trials change phase at the same time, one set of lines is enough.
	same = 1
	for (i = 1; i <= phases; i++) {
		n = phase_number[i]
		if (!(n in first))
			first[n] = phase_at[i]
		else if (first[n] - phase_at[i] > last / 50 || phase_at[i] - first[n] > last / 50)
			same = 0
	}
	shown = 0
	for (i = 1; i <= phases; i++)
		if (!same || phase_of[i] == phase_of[1])
			keep[++shown] = i
	print "phases = " shown "\nphases_same = " same >>facts
	if (shown > 0)
		print "array phase_at[" shown "]\narray phase_of[" shown "]\narray phase_row[" shown "]\narray phase_name[" shown "]" >>facts
	for (i = 1; i <= shown; i++) {
		name = phase_name[keep[i]]
		gsub(/'/, "’", name)
		# Names of neighbours one above the other.
		if (!(phase_of[keep[i]] in row))
			row[phase_of[keep[i]]] = rows++ + 0
		printf "phase_row[%d] = %d\n", i, row[phase_of[keep[i]]] >>facts
		printf "phase_at[%d] = %.9g\nphase_of[%d] = %d\nphase_name[%d] = '%s'\n", i, phase_at[keep[i]], i, phase_of[keep[i]], i, name >>facts
	}
	printf "last = %.9g\ntop_mops = %.9g\nslowest = %.0f\nquickest = %.0f\nany_resized = %d\n", last, top, slowest, \
	    (quickest == "" ? 1 : quickest), any_resized >>facts
}
