# From a series' trials, points and environment to what the pictures show:
# which curves there are, in which colour, and every word in them.
#
# usage: awk -v out=DIR -f csv.awk -f facts.awk trials.csv points.csv trials.json
# writes DIR/subjects.facts  gnuplot variables: the subjects
#        DIR/PICTURE.facts   gnuplot variables of one picture: title, caption, panels;
#                            PICTURE = throughput, latency, reclamation, garbage, tradeoff, over-time
#        DIR/PICTURE.note.facts  what replaces legend and caption where the picture has only a note after all
#        DIR/throughput.P.S  throughput of subject S in panel P: threads median min max
#        DIR/throughput.P.S.trials  of the same each trial: threads mops kind (0; 1: outlier; 2: disturbed, in no median)
#        DIR/tradeoff.P.S    the same against garbage: mean mean peak median min max
#        DIR/chosen.tsv      trials whose histograms or samples are drawn:
#                            trial_id picture panel subject histogram
#                            of latency, panels 3 and 4 lie over 1 and 2: open loop's service times
# Exit status: 3 if there is no trial.
# With -v subjects_list=FILE, what `hamtbench list subjects` says, captions leave out the options that are at their defaults.
# With -v only=N over-time shows the trial with that id alone, and it is 4 if there is none.
#
# A subject's number, colour and mark are the same in all pictures.

# ---- Small helpers ----

# sorted - the indexes of key[] in the order of its values into order[1 ..]; returns how many.
function sorted(key, order,    n, i, k)
{
	n = 0
	split("", order)
	for (k in key) {
		for (i = n++; i > 0 && key[order[i]] > key[k]; i--)
			order[i + 1] = order[i]
		order[i + 1] = k
	}
	return n
}

function magnitude(x)
{
	return x < 0 ? -x : x
}

# quoted - as a gnuplot string, in single quotes, inside which nothing is expanded.
function quoted(text)
{
	gsub(/'/, "’", text)
	return "'" text "'"
}

function human(count)
{
	if (count >= 1000000 && count % 100000 == 0)
		return count / 1000000 "M"
	if (count >= 1000 && count % 100 == 0)
		return count / 1000 "K"
	return sprintf("%d", count)
}

function ns_text(ns)
{
	if (ns >= 1e9)
		return sprintf("%.3g s", ns / 1e9)
	if (ns >= 1e6)
		return sprintf("%.3g ms", ns / 1e6)
	if (ns >= 1e3)
		return sprintf("%.3g µs", ns / 1e3)
	return sprintf("%d ns", ns)
}

function counted(n, noun)
{
	return n " " noun (n == 1 ? "" : "s")
}

# mix_text - "get=90,remove=10" for people.
function mix_text(mix)
{
	if (mix !~ /^[a-z_]+=[0-9.]+(,[a-z_]+=[0-9.]+)*$/) {
		gsub(/,/, ", ", mix)
		return mix
	}
	gsub(/=/, " ", mix)
	gsub(/,/, " %, ", mix)
	return mix " %"
}

# get_share - percent of gets in a mix.
function get_share(mix)
{
	return match("," mix ",", /,get=[0-9.]+,/) ? substr("," mix ",", RSTART + 5) + 0 : 0
}

# ---- What gnuplot is told ----

# fact - one line of a picture's variables; "subjects" are those of all pictures.
function fact(name, line)
{
	print line >(out "/" name ".facts")
}

# caption - text, wrapped at width characters, as a picture's array of lines.
function caption(name, text, width,    word, n, i, line, wrapped, lines)
{
	n = split(text, word, " ")
	lines = 0
	line = word[1]
	for (i = 2; i <= n; i++) {
		if (length(line) + 1 + length(word[i]) > width) {
			wrapped[++lines] = line
			line = word[i]
		} else {
			line = line " " word[i]
		}
	}
	wrapped[++lines] = line
	fact(name, "caption_lines = " lines)
	fact(name, "array caption[" lines "]")
	for (i = 1; i <= lines; i++)
		fact(name, "caption[" i "] = " quoted(wrapped[i]))
}

# note - what a picture says when it has nothing to show.
function note(name, title, text)
{
	fact(name, "title = " quoted(title))
	fact(name, "note = " quoted(text))
	fact(name, "legend = ''")
	caption(name, common " " machine, 112)
}

# bare - what is left of a picture for whose curves nothing was kept; see without_curves().
function bare(name)
{
	fact(name ".note", "legend = ''")
	caption(name ".note", common " " machine, 112)
}

# curves_of - a picture's panels: curves[panel] = numbers of the subjects drawn
# there, legend = of those drawn anywhere.
function curves_of(name, panels,    panel, s, list, all, any)
{
	fact(name, "note = ''")
	fact(name, "panels = " panels)
	fact(name, "array curves[" panels "]")
	for (panel = 1; panel <= panels; panel++) {
		list = ""
		for (s = 1; s <= subjects; s++)
			if ((name, panel, s) in drawn) {
				list = list (list == "" ? "" : " ") s
				any[s] = 1
			}
		fact(name, "curves[" panel "] = " quoted(list))
	}
	all = ""
	for (s = 1; s <= subjects; s++)
		if (s in any)
			all = all (all == "" ? "" : " ") s
	fact(name, "legend = " quoted(all))
}

# draw - trial t takes part in the curve of its subject; histogram names the one, if any, that the curve is of.
function draw(name, panel, t, histogram)
{
	print t "\t" name "\t" panel "\t" number[who[t]] "\t" histogram >(out "/chosen.tsv")
	drawn[name, panel, number[who[t]]] = 1
}

# ---- Options: what sets two curves of the same subject apart ----

# options_next - take the next "name":value off the global rest, whatever object it
# is in, and set option and value. False at the end.
function options_next(    pair, colon)
{
	if (!match(rest, /"[a-z][a-z0-9_-]*":("([^"\\]|\\.)*"|[-+.0-9eE]+|true|false|null)/))
		return 0
	pair = substr(rest, RSTART, RLENGTH)
	rest = substr(rest, RSTART + RLENGTH)
	colon = index(pair, ":")
	option = substr(pair, 2, colon - 3)
	value = substr(pair, colon + 1)
	gsub(/^"|"$/, "", value)
	return 1
}

# options_note - remember which options of a subject take several values.
function options_note(subject, json)
{
	rest = json
	while (options_next()) {
		if (option in shown_elsewhere)
			continue
		if (!((subject, option) in first_value))
			first_value[subject, option] = value
		else if (first_value[subject, option] != value)
			varies[subject, option] = 1
	}
}

# level_of - of the reclamation statistics that were taken, 1 .. 4; 0: not known.
function level_of(json)
{
	rest = json
	while (options_next())
		if (option == "smr-stats")
			return level_of_name[value] + 0
	return 0
}

# but_level - what two points have in common that differ in the level only.
function but_level(load, threads, subject, json)
{
	sub(/"smr-stats":"[a-z]*",?/, "", json)
	return load SUBSEP threads SUBSEP subject SUBSEP json
}

function label_of(subject, json,    label)
{
	label = subject
	rest = json
	while (options_next())
		if ((subject, option) in varies)
			label = label " " option "=" value
	return label
}

# defaults_read - what options have where nobody sets them, by subject, from what `hamtbench list subjects` says:
# a subject is indented by two, its options begin with -- and end in "(default X)", all wrapped.
function defaults_read(file,    line, name, option, text)
{
	while ((getline line <file) > 0) {
		if (line ~ /^  [^ -]/) {
			name = substr(line, 3)
			sub(/ .*/, "", name)
			option = ""
		} else if (match(line, /^ +--[a-z0-9-]+/)) {
			option = substr(line, RSTART, RLENGTH)
			sub(/^ +--/, "", option)
			text = ""
		}
		if (option == "")
			continue
		sub(/^ +/, "", line)
		text = text " " line
		if (match(text, /\(default [^ );]+[;)]/))
			default_of[name, option] = substr(text, RSTART + 9, RLENGTH - 10)
	}
	close(file)
}

# options_text - of each map what was not left at its default and is in no label, being the same in all its trials.
function options_text(    t, key, of, order, n, i, list, last)
{
	for (t in trial) {
		if (!match(options[t], /"subject":[{][^{}]*[}]/))
			continue
		rest = substr(options[t], RSTART + 10, RLENGTH - 10)
		while (options_next())
			if (value != "null" && !((subject[t], option) in varies) && default_of[subject[t], option] != value)
				key[option "=" value, subject[t]] = option "=" value " " subject[t]
	}
	n = sorted(key, order)
	for (i = 1; i <= n; i++) {
		split(order[i], of, SUBSEP)
		list = list (of[1] == last ? ", " : (i > 1 ? "); " : "") of[1] " (") of[2]
		last = of[1]
	}
	return n > 0 ? " Other than by default: " list ")." : ""
}

# duration_note - remember how long trials of a workload were asked to take. One of whose
# trials one ends early, or most end later, has a fixed amount of work instead.
function duration_note(workload, json, elapsed_s,    s)
{
	rest = json
	while (options_next())
		if (option == "duration") {
			s = value ~ /ns$/ ? value * 1e-9 : value ~ /us$/ ? value * 1e-6 : value ~ /ms$/ ? value * 1e-3 : value + 0
			if (elapsed_s < 0.97 * s)
				early[workload] = 1
			noted[workload]++
			if (elapsed_s < 1.2 * s + 0.1)
				timed[workload]++
			asked[workload, value] = value
		}
}

# ---- JSON: the environment is shallow and its names are unique ----

# json_value - the first "name":value; "" if there is none, or null.
function json_value(json, name,    value)
{
	if (!match(json, "\"" name "\": *(\"([^\"\\\\]|\\\\.)*\"|[-+.0-9eE]+|true|false)"))
		return ""
	value = substr(json, RSTART, RLENGTH)
	sub(/^"[^"]*": */, "", value)
	if (value ~ /^"/) {
		value = substr(value, 2, length(value) - 2)
		gsub(/\\"/, "\"", value)
		gsub(/\\\//, "/", value)
	}
	return value
}

# json_object - the first "name":{...} that has no object inside.
function json_object(json, name)
{
	return match(json, "\"" name "\": *[{][^{}]*[}]") ? substr(json, RSTART, RLENGTH) : ""
}

# machine_text - one line of what matters most; what is not known is left out.
function machine_text(    text, v, allocator)
{
	text = json_value(environment, "model")
	gsub(/\((R|TM)\)/, "", text)
	if (cores > 0)
		text = text (text == "" ? "" : ", ") counted(cores, smt ? "CPU" : "core") (smt ? " (SMT)" : "")
	v = json_value(environment, "release")
	if (v != "")
		text = text ", Linux " v
	v = json_value(environment, "compiler")
	# "gcc (Debian 12.2.0-14) 12.2.0" -> "gcc 12.2.0"
	gsub(/ *\([^)]*\)/, "", v)
	if (v != "")
		text = text ", " v
	allocator = json_object(environment, "allocator")
	v = json_value(allocator, "version")
	sub(/-.*/, "", v)
	if (json_value(allocator, "name") != "")
		text = text ", " json_value(allocator, "name") (v == "" ? "" : " " v)
	v = json_value(environment, "variant")
	if (v != "" && v != "release")
		text = text ", " v " build (not for comparison)"
	sub(/^, /, "", text)
	return text == "" ? "Machine: not known." : text "."
}

# ---- Reading ----

BEGIN {
	printf "" >(out "/chosen.tsv")
	# Axes, panels and captions show these.
	n = split("subject workload threads keys dist mix update part ycsb trials duration seed db format order quiet smr-stats", f, " ")
	for (i = 1; i <= n; i++)
		shown_elsewhere[f[i]] = 1
	# The higher the level of --smr-stats, the more it costs.
	n = split("off counters sampled full", f, " ")
	for (i = 1; i <= n; i++)
		level_of_name[f[i]] = i
	# The same as in harness/report.c. Okabe and Ito's colours, which the colour-blind can tell apart; yellow, hard
	# to see on white, is darkened. Subjects without one of their own share the spare ones: what is left.
	fixed["hamt"] = "#0072B2"
	fixed["seed"] = "#D55E00"
	fixed["urcu-lfht"] = "#009E73"
	fixed["mutex"] = "#CC79A7"
	fixed["roofline"] = "#555555"
	fixed["null"] = "#999999"
	fixed["hamt-ebr"] = "#E69F00"
	fixed["hamt-hp-fence"] = "#56B4E9"
	fixed["hamt-none"] = "#8C6D00"
	fixed["hamt-qsbr"] = "#7A3E9D"
	fixed["hamt-he"] = "#D6278A"
	fixed["tbb"] = "#4B8B3B"
	fixed["ck-ht"] = "#8C510A"
	fixed["hamt-bytes"] = "#00427A"
	fixed["mutex-bytes"] = "#8F4A75"
	fixed["null-bytes"] = "#BBBBBB"
	spares = split("#000000 #8C510A #4B8B3B #D6278A #E69F00 #56B4E9 #8C6D00 #7A3E9D #1F9E9E #6A7FDB #A6761D #B22222", spare, " ")
	# gnuplot's point types, the most different first.
	if (subjects_list != "")
		defaults_read(subjects_list)
	marks = split("7 5 9 13 11 15 6 4 8 12 10 14", mark, " ")
}

FNR == 1 {
	part++
	if (part == 1) {
		csv_header($0, at)
		csv_need(at, "trial_id subject reclaimer workload threads keys dist mix options valid " \
		    "mops get_p50_ns update_p50_ns latency_lost reclaim_samples censored_samples censored_max_ns " \
		    "retired pending_peak pending_mean bound cpu_ns_per_op elapsed_s keys")
		next
	}
	if (part == 2) {
		csv_header($0, at)
		csv_need(at, "subject workload threads keys dist mix options valid mops_median mops_min mops_max")
		next
	}
}

part == 1 {
	csv_split($0, f)
	t = f[at["trial_id"]]
	trial[t] = ++trials
	subject[t] = f[at["subject"]]
	reclaimer[t] = f[at["reclaimer"]]
	workload[t] = f[at["workload"]]
	threads[t] = f[at["threads"]] + 0
	dist[t] = f[at["dist"]]
	mix[t] = f[at["mix"]]
	# What a picture of one point has in common but for subject and threads.
	load_of[t] = workload[t] SUBSEP f[at["keys"]] SUBSEP dist[t] SUBSEP mix[t]
	options[t] = f[at["options"]]
	level[t] = level_of(options[t])
	group[t] = but_level(load_of[t], threads[t], subject[t], options[t])
	# Looking costs: speed is that of the lowest level.
	if (!(group[t] in lowest) || level[t] < lowest[group[t]])
		lowest[group[t]] = level[t]
	stalled[t] = "stalled" in at ? f[at["stalled"]] : ""
	valid[t] = f[at["valid"]] == 1
	mops[t] = f[at["mops"]] + 0
	has_get[t] = f[at["get_p50_ns"]] != ""
	has_update[t] = f[at["update_p50_ns"]] != ""
	lost[t] = f[at["latency_lost"]] + 0
	reclaimed[t] = f[at["reclaim_samples"]] + 0
	censored[t] = f[at["censored_samples"]] + 0
	censored_known[t] = f[at["censored_samples"]] != ""
	censored_max[t] = f[at["censored_max_ns"]] + 0
	retired[t] = f[at["retired"]] + 0
	peak[t] = f[at["pending_peak"]] + 0
	mean[t] = f[at["pending_mean"]] + 0
	bound[t] = f[at["bound"]] + 0
	cpu_ns[t] = f[at["cpu_ns_per_op"]] + 0
	keys_of[t] = f[at["keys"]] + 0
	pause[t] = "pause_max_ns" in at ? f[at["pause_max_ns"]] : ""
	pause_at[t] = pause[t] != "" ? f[at["pause_at_s"]] + 0 : 0
	pause_text[t] = pause[t] != "" ? f[at["pause_op"]] ", cause: " f[at["pause_cause"]] : ""
	open_loop[t] = "rate" in at && f[at["rate"]] != ""
	unserved[t] = "unserved" in at ? f[at["unserved"]] + 0 : 0
	disturbed[t] = "disturbed" in at ? f[at["disturbed"]] == 1 : 0
	keys_seen[f[at["keys"]]] = f[at["keys"]] + 0
	workload_seen[workload[t]] = workload[t]
	not_valid += !valid[t]
	options_note(subject[t], options[t])
	duration_note(workload[t], options[t], f[at["elapsed_s"]])
}

part == 2 {
	csv_split($0, f)
	p = ++points
	p_subject[p] = f[at["subject"]]
	p_options[p] = f[at["options"]]
	p_workload[p] = f[at["workload"]]
	p_threads[p] = f[at["threads"]] + 0
	p_keys[p] = f[at["keys"]] + 0
	p_dist[p] = f[at["dist"]]
	p_mix[p] = f[at["mix"]]
	p_valid[p] = f[at["valid"]] + 0
	p_median[p] = f[at["mops_median"]] + 0
	p_min[p] = f[at["mops_min"]] + 0
	p_max[p] = f[at["mops_max"]] + 0
	p_load[p] = p_workload[p] SUBSEP f[at["keys"]] SUBSEP p_dist[p] SUBSEP p_mix[p]
	p_mean[p] = "pending_mean" in at ? f[at["pending_mean"]] + 0 : 0
	p_peak[p] = "pending_peak" in at ? f[at["pending_peak"]] + 0 : 0
	key = p_load[p] SUBSEP p_threads[p] SUBSEP p_subject[p] SUBSEP p_options[p]
	noisy[key] = "noisy" in at ? f[at["noisy"]] == 1 : 0
	fenced[key] = "mops_fence_lo" in at && f[at["mops_fence_lo"]] != ""
	if (fenced[key]) {
		fence_lo[key] = f[at["mops_fence_lo"]] + 0
		fence_hi[key] = f[at["mops_fence_hi"]] + 0
	}
	p_dear[p] = level_of(p_options[p]) > lowest[but_level(p_load[p], p_threads[p], p_subject[p], p_options[p])]
}

# The head of the document, up to the trials.
part == 3 && !head_done {
	environment = environment $0
	head_done = sub(/"trials":.*/, "", environment)
}

END {
	if (failed)
		exit 2
	if (trials == 0)
		exit 3
	if (only != "" && !(only in trial))
		exit 4
	cores = json_value(environment, "allowed_pus") + 0
	smt = json_value(environment, "smt") == "true"
	machine = machine_text()
	common = common_text() options_text()
	number_subjects()
	throughput()
	latency()
	reclamation()
	garbage()
	tradeoff()
	over_time()
	bare("latency")
	bare("reclamation")
	bare("garbage")
	bare("over-time")
}

# common_text - keys, duration and trials: what every caption ends with, before the machine.
function common_text(    order, n, i, p, w, list, durations, time, least, most)
{
	n = sorted(workload_seen, order)
	many_workloads = n > 1
	for (i = 1; i <= n; i++)
		list = list (i > 1 ? " and " : "Workload ") order[i]
	list = list "; "
	n = sorted(keys_seen, order)
	many_keys = n > 1
	for (i = 1; i <= n; i++)
		list = list (i > 1 ? ", " : "") human(order[i] + 0)
	for (p in asked) {
		split(p, w, SUBSEP)
		if (2 * timed[w[1]] > noted[w[1]] && !(w[1] in early))
			durations[asked[p]] = asked[p]
	}
	n = sorted(durations, order)
	for (i = 1; i <= n; i++)
		time = time (i > 1 ? " or " : " of ") order[i]
	least = ""
	for (p = 1; p <= points; p++) {
		if (p_dear[p])
			continue
		least = least == "" || p_valid[p] < least ? p_valid[p] : least
		most = p_valid[p] > most ? p_valid[p] : most
	}
	return list " keys; " (least < most ? least " to " : "") counted(most, "trial") time " a point" \
	    (not_valid == 0 ? "" : "; " counted(not_valid, "trial") " not valid and left out") "."
}

# number_subjects - labels, numbers, colours and marks, in an order that does not
# depend on that of the trials.
function number_subjects(    t, w, s, b, n, array, rank, base, scheme, next_spare, colour_of, taken)
{
	for (t in trial) {
		w = who[t] = label_of(subject[t], options[t])
		b = base[w] = subject[t]
		rank[w] = (b ~ /^hamt/ ? 0 : b == "seed" ? 1 : b == "roofline" ? 8 : is_null(b) ? 9 : 2) " " w
		if (reclaimed[t] + retired[t] > 0)
			scheme[w] = " (" reclaimer[t] ")"
	}
	subjects = sorted(rank, name_of)
	fact("subjects", "cores = " cores)
	fact("subjects", "over_text = " quoted(smt ? "than CPUs" : "than cores"))
	n = split("label with_scheme colour mark is_roofline", array, " ")
	for (s = 1; s <= n; s++)
		fact("subjects", "array " array[s] "[" subjects "]")
	# The first of a name gets the name's own colour, the next one another.
	for (s = 1; s <= subjects; s++)
		if (base[name_of[s]] in fixed) {
			colour_of[name_of[s]] = fixed[base[name_of[s]]]
			taken[colour_of[name_of[s]]] = 1
			delete fixed[base[name_of[s]]]
		}
	for (s = 1; s <= subjects; s++) {
		w = name_of[s]
		if (w in colour_of)
			continue
		for (n = 0; n < spares && spare[next_spare % spares + 1] in taken; n++)
			next_spare++
		colour_of[w] = spare[next_spare++ % spares + 1]
		taken[colour_of[w]] = 1
	}
	for (s = 1; s <= subjects; s++) {
		w = name_of[s]
		number[w] = s
		fact("subjects", "label[" s "] = " quoted(w))
		fact("subjects", "with_scheme[" s "] = " quoted(w scheme[w]))
		fact("subjects", "colour[" s "] = " quoted(colour_of[w]))
		fact("subjects", "mark[" s "] = " mark[(s - 1) % marks + 1])
		fact("subjects", "is_roofline[" s "] = " (base[w] == "roofline"))
	}
}

# load_text - what was done to the map, as far as the caption does not say it.
function load_text(workload, keys, dist, mix)
{
	return (many_workloads ? workload ": " : "") mix_text(mix) "; " dist (many_keys ? "; " human(keys) " keys" : "")
}

# chosen_text - the same of the load of a picture of one point.
function chosen_text(    w)
{
	split(load_chosen, w, SUBSEP)
	return load_text(w[1], w[2] + 0, w[3], w[4])
}

# ---- Throughput: a row of panels for each workload, keys and dist; a column for each mix ----

function throughput(    p, s, r, c, i, n, w, row, row_name, col, col_name, cols_in, rows, cols, panel, at_threads, order, list, top, roof, low, high, any_roof, title, data, left_out, text, sort_to, t, key, kind, kinds)
{
	for (p = 1; p <= points; p++) {
		if (p_valid[p] == 0 || is_null(p_subject[p]) || p_dear[p])
			continue
		row[p_workload[p], p_keys[p], p_dist[p]] = sprintf("%s %020d %d %s", p_workload[p], p_keys[p], p_dist[p] != "uniform", p_dist[p])
		col[p_workload[p], p_mix[p]] = sprintf("%s %09.3f %s", p_workload[p], 100 - get_share(p_mix[p]), p_mix[p])
	}
	rows = sorted(row, row_name)
	if (rows == 0) {
		note("throughput", "Throughput against threads", not_valid < trials ? "Only the subject null was measured, which is no map." : \
		    "None of the trials was valid.")
		return
	}
	for (r = 1; r <= rows; r++)
		row[row_name[r]] = r
	n = sorted(col, col_name)
	cols = 1
	for (i = 1; i <= n; i++) {
		# A workload has mixes of its own.
		split(col_name[i], w, SUBSEP)
		c = col[col_name[i]] = ++cols_in[w[1]]
		cols = c > cols ? c : cols
	}
	rows = rows > 6 ? 6 : rows
	cols = cols > 6 ? 6 : cols

	for (p = 1; p <= points; p++) {
		if (p_valid[p] == 0 || is_null(p_subject[p]) || p_dear[p])
			continue
		r = row[p_workload[p], p_keys[p], p_dist[p]]
		c = col[p_workload[p], p_mix[p]]
		if (r > rows || c > cols) {
			left_out[r, c] = 1
			continue
		}
		panel = (r - 1) * cols + c
		s = number[label_of(p_subject[p], p_options[p])]
		drawn["throughput", panel, s] = 1
		data[panel, s] = data[panel, s] sprintf("%d %.9g %.9g %.9g\n", p_threads[p], p_median[p], p_min[p], p_max[p])
		at_threads[p_threads[p]] = p_threads[p]
		title[panel] = load_text(p_workload[p], p_keys[p], p_dist[p], p_mix[p])
		if (p_subject[p] == "roofline") {
			any_roof = 1
			roof[panel] = p_max[p] > roof[panel] ? p_max[p] : roof[panel]
			high[panel] = p_median[p] > high[panel] ? p_median[p] : high[panel]
			if (!(panel in low) || p_median[p] < low[panel])
				low[panel] = p_median[p]
		} else {
			top[panel] = p_max[p] > top[panel] ? p_max[p] : top[panel]
		}
	}
	for (t in trial) {
		if (!valid[t] || is_null(subject[t]) || level[t] > lowest[group[t]])
			continue
		r = row[workload[t], keys_of[t], dist[t]]
		c = col[workload[t], mix[t]]
		if (r > rows || c > cols)
			continue
		panel = (r - 1) * cols + c
		key = load_of[t] SUBSEP threads[t] SUBSEP subject[t] SUBSEP options[t]
		kind = disturbed[t] && !noisy[key] ? 2 : fenced[key] && (mops[t] < fence_lo[key] || mops[t] > fence_hi[key]) ? 1 : 0
		kinds[kind]++
		print threads[t], mops[t], kind >(out "/throughput." panel "." number[who[t]] ".trials")
		if (subject[t] != "roofline")
			top[panel] = mops[t] > top[panel] ? mops[t] : top[panel]
	}
	for (i in data) {
		split(i, w, SUBSEP)
		# gnuplot joins marks in the order of the file.
		sort_to = "sort -n >'" out "/throughput." w[1] "." w[2] "'"
		printf "%s", data[i] | sort_to
		close(sort_to)
	}

	curves_of("throughput", rows * cols)
	n = sorted(at_threads, order)
	for (i = 1; i <= n; i++)
		list = list (i > 1 ? " " : "") order[i]
	fact("throughput", "threads = " quoted(list))
	fact("throughput", "least_threads = " order[1])
	fact("throughput", "most_threads = " order[n])
	fact("throughput", "rows = " rows)
	fact("throughput", "cols = " cols)
	fact("throughput", "array panel_title[" rows * cols "]")
	fact("throughput", "array hint[" rows * cols "]")
	fact("throughput", "array most[" rows * cols "]")
	for (panel = 1; panel <= rows * cols; panel++) {
		text = ""
		# Far above every map, the roofline only says where it is.
		if (top[panel] > 0 && roof[panel] > 2 * top[panel])
			text = low[panel] == high[panel] ? sprintf("roofline: %.3g, beyond the scale", low[panel]) : \
			    sprintf("roofline: %.3g to %.3g, beyond the scale", low[panel], high[panel])
		else if (roof[panel] > top[panel])
			top[panel] = roof[panel]
		fact("throughput", "panel_title[" panel "] = " quoted(title[panel]))
		fact("throughput", "hint[" panel "] = " quoted(text))
		fact("throughput", "most[" panel "] = " (top[panel] > 0 ? top[panel] : 1))
	}
	fact("throughput", "title = 'Throughput against threads'")

	text = "Marks: median of the trials; bars: slowest to fastest trial; faint dots: trials. "
	if (kinds[1] > 0)
		text = text "Ringed crosses: " counted(kinds[1], "outlier") " (beyond 1.5 interquartile ranges), in the medians all the same. "
	if (kinds[2] > 0)
		text = text "Hollow: " counted(kinds[2], "disturbed trial") ", in no median. "
	if (any_roof)
		text = text "Dashed: roofline, an array with one cache line per operation, no map. "
	n = 0
	for (i in left_out)
		n++
	if (n > 0) {
		text = text counted(n, "panel") " did not fit and " (n == 1 ? "is" : "are") " left out. "
		print "plot.sh: throughput: " counted(n, "panel") " did not fit (6 x 6 do) and " (n == 1 ? "is" : "are") " left out" >"/dev/stderr"
	}
	caption("throughput", text null_text() common " " machine, cols > 2 ? 64 * cols : 128)
}

# is_null - no map: it measures the harness, and what it takes to make byte strings.
function is_null(name)
{
	return name == "null" || name == "null-bytes"
}

# cost_text - what a subject that does nothing needs for an operation, where each thread has a core.
function cost_text(name, what,    t, low, high)
{
	for (t in trial)
		if (subject[t] == name && valid[t] && mops[t] > 0 && (cores == 0 || threads[t] <= cores)) {
			low = low == "" || cpu_ns[t] < low ? cpu_ns[t] : low
			high = cpu_ns[t] > high ? cpu_ns[t] : high
		}
	return high == "" ? "" : sprintf("%s (subject %s) takes %.1f to %.1f ns of every operation. ", what, name, low, high)
}

function null_text()
{
	return cost_text("null", "The harness itself") cost_text("null-bytes", "With byte strings to make, it")
}

# ---- The pictures of one point ----

# choose_load - of the trials in admits[], those of the load that most subjects ran,
# with about `gets` percent of gets, zipf rather than uniform. Sets load_chosen
# and threads_shown[1 ..]: the most threads that have a core each and, up to
# `panels`, the most of all. Returns how many of these.
function choose_load(admits, gets, panels,    t, g, w, weight, seen, order, n, k, fit, most, least)
{
	for (t in admits)
		if (!((load_of[t], who[t]) in seen)) {
			seen[load_of[t], who[t]] = 1
			weight[load_of[t]] += subject[t] == "roofline" ? 0 : 1000
		}
	for (g in weight) {
		split(g, w, SUBSEP)
		weight[g] += 500 - magnitude(get_share(w[4]) - gets) + (w[3] ~ /^zipf/) / 2
	}
	n = sorted(weight, order)
	load_chosen = order[n]
	for (t in admits)
		if (load_of[t] == load_chosen) {
			k = threads[t]
			most = k > most ? k : most
			least = least == 0 || k < least ? k : least
			fit = (cores == 0 || k <= cores) && k > fit ? k : fit
		}
	threads_shown[1] = fit > 0 ? fit : least
	threads_shown[2] = most
	return panels > 1 && most > threads_shown[1] ? 2 : 1
}

# panel_threads - panels that differ in threads, with titles that say so.
function panel_threads(name, panels,    panel, n)
{
	fact(name, "array panel_title[" panels "]")
	for (panel = 1; panel <= panels; panel++) {
		n = threads_shown[panel]
		fact(name, "panel_title[" panel "] = " quoted(counted(n, "thread") \
		    (cores > 0 && n > cores ? ": more than " (smt ? "CPUs" : "cores") : "")))
	}
}

# latency_draw - of an open loop the times from the intended start, and as a second curve those from the real one.
function latency_draw(t, panel, histogram)
{
	draw("latency", panel, t, open_loop[t] ? histogram "_response" : histogram)
	if (open_loop[t])
		draw("latency", panel + 2, t, histogram)
}

function latency(    t, admits, both, any, total_lost, clock, opened, closed, late, text)
{
	for (t in trial)
		if (valid[t] && !is_null(subject[t]) && (has_get[t] || has_update[t]) && level[t] == lowest[group[t]]) {
			admits[t] = 1
			any += subject[t] != "roofline"
			both += has_get[t] && has_update[t]
		}
	if (any == 0) {
		note("latency", "Latency percentiles", "No valid trial of a map has latency samples.")
		return
	}
	# A load with gets and updates fills both panels.
	for (t in admits)
		if (both > 0 && !(has_get[t] && has_update[t]))
			delete admits[t]
	choose_load(admits, 90, 1)
	for (t in admits)
		if (load_of[t] == load_chosen && threads[t] == threads_shown[1]) {
			if (has_get[t])
				latency_draw(t, 1, "get")
			if (has_update[t])
				latency_draw(t, 2, "update")
			opened += open_loop[t]
			closed += !open_loop[t]
			late += unserved[t]
			total_lost += lost[t]
		}
	curves_of("latency", 4)
	fact("latency", "open_loop = " (opened > 0))
	fact("latency", "array panel_title[2]")
	fact("latency", "panel_title[1] = 'get'")
	fact("latency", "panel_title[2] = 'insert, upsert, remove'")
	text = !opened ? "Service times: from the start of a call to its end; each thread calls as fast as it can. " : \
	    "Solid: response times, from when a call was due to its end; dashed: service times, from its real start. " \
	    (late ? counted(late, "call") " had not begun when the time was up: counted with what the first of its thread had waited. " : "") \
	    (closed ? "Without a rate there are service times only, solid. " : "")
	fact("latency", "title = " quoted((opened ? "Response and service times" : "Latency percentiles") " at " counted(threads_shown[1], "thread") ": " chosen_text()))
	clock = json_object(environment, "clock")
	caption("latency", text "Samples of all trials of this point together; a curve ends where fewer than ten samples lie beyond it. " \
	    "Times include one reading of the clock" \
	    (json_value(clock, "name") == "" ? "" : " (" json_value(clock, "name") ", about " json_value(clock, "cost_ns") " ns)") ". " \
	    (total_lost > 0 ? counted(total_lost, "sample") " too long for the histogram. " : "") common " " machine, 150)
}

function reclamation(    t, s, admits, panel, panels, one, old, open, unknown, all, of, fewest, most, list, text)
{
	for (t in trial)
		if (valid[t] && reclaimed[t] > 0)
			admits[t] = 1
	for (t in admits)
		one = t
	if (one == "") {
		note("reclamation", "Time from retire to free", "No times from retire to free: no subject here reclaims memory, or --smr-stats was off or counters.")
		return
	}
	panels = choose_load(admits, 50, 2)
	for (panel = 1; panel <= panels; panel++) {
		split("", old)
		split("", open)
		split("", unknown)
		split("", all)
		split("", of)
		for (t in admits)
			if (load_of[t] == load_chosen && threads[t] == threads_shown[panel]) {
				draw("reclamation", panel, t, "reclaim")
				s = number[who[t]]
				of[s]++
				open[s] += censored[t]
				unknown[s] = unknown[s] || !censored_known[t]
				all[s] += censored[t] + reclaimed[t]
				old[s] = censored_max[t] > old[s] ? censored_max[t] : old[s]
			}
		list = ""
		for (s in of) {
			fewest = fewest == "" || of[s] < fewest ? of[s] : fewest
			most = of[s] > most ? of[s] : most
		}
		for (s = 1; s <= subjects; s++)
			if (s in all)
				list = list (list == "" ? "" : "; ") name_of[s] " " (unknown[s] ? "unknown" : open[s] + 0) \
				    " of " all[s] (open[s] > 0 ? ", up to " ns_text(old[s]) " old" : "")
		text = text (panel > 1 ? ". " : "") "At " counted(threads_shown[panel], "thread") ": " list
	}
	curves_of("reclamation", panels)
	panel_threads("reclamation", panels)
	fact("reclamation", "title = " quoted("Time from retire to free: " chosen_text()))
	caption("reclamation", "Share of the objects freed that had waited longer than the time on the x axis, of each map in " \
	    (fewest < most ? fewest " to " : "") counted(most, "trial") ". " \
	    "Not in the curves are stamped objects still waiting at stop. " text ". " common " " machine, panels > 1 ? 150 : 112)
}

# stalls_of - "[[from,to],...]" in ns, as a picture's array stall_P of seconds; returns how many there are, at most 100.
function stalls_of(name, json, panel,    part, n, i)
{
	gsub(/[][]/, "", json)
	n = int(split(json, part, ",") / 2)
	n = n > 100 ? 100 : n
	if (n > 0)
		fact(name, "array stall_" panel "[" 2 * n "]")
	for (i = 1; i <= 2 * n; i++)
		fact(name, sprintf("stall_%d[%d] = %.9f", panel, i, part[i] / 1e9))
	return n
}

# Throughput against garbage: a mark for each point of one load.
function tradeoff(    t, p, s, admits, panel, panels, one, peak_of, mean_of, key, left, right, top, file)
{
	for (t in trial)
		if (valid[t] && mean[t] > 0)
			admits[t] = 1
	for (t in admits)
		one = t
	if (one == "") {
		note("tradeoff", "Throughput against garbage", "No trial retired an object: no subject here reclaims memory, or --smr-stats was off.")
		return
	}
	panels = choose_load(admits, 50, 2)
	one = ""
	for (panel = 1; panel <= panels; panel++)
		for (p = 1; p <= points; p++) {
			if (p_valid[p] == 0 || p_mean[p] <= 0 || p_dear[p] || p_load[p] != load_chosen || p_threads[p] != threads_shown[panel])
				continue
			s = number[label_of(p_subject[p], p_options[p])]
			file = out "/tradeoff." panel "." s
			printf "%.9g %.9g %.9g %.9g %.9g %.9g\n", p_mean[p], p_mean[p], (p_peak[p] > p_mean[p] ? p_peak[p] : p_mean[p]), \
			    p_median[p], p_min[p], p_max[p] >file
			drawn["tradeoff", panel, s] = one = 1
			left = left == "" || p_mean[p] < left ? p_mean[p] : left
			right = p_peak[p] > right ? p_peak[p] : right
			right = p_mean[p] > right ? p_mean[p] : right
			top = p_max[p] > top ? p_max[p] : top
		}
	if (one == "") {
		note("tradeoff", "Throughput against garbage", "No point has both throughput and garbage.")
		return
	}
	curves_of("tradeoff", panels)
	panel_threads("tradeoff", panels)
	fact("tradeoff", sprintf("leftmost = %.9g", left + 0 > 0 ? left : 1))
	fact("tradeoff", sprintf("rightmost = %.9g", right + 0 > 0 ? right : 1))
	fact("tradeoff", "highest = " (top > 0 ? top : 1))
	fact("tradeoff", "title = " quoted("Throughput against garbage: " chosen_text()))
	caption("tradeoff", "Marks: median throughput of the trials and mean of the objects retired and not freed yet. " \
	    "Bars: slowest to fastest trial; to the right, up to the highest garbage seen at any time. Better is up and left. " \
	    common " " machine, panels > 1 ? 150 : 112)
}

function garbage(    t, s, admits, panel, panels, one, in_curve, order, n, stalls)
{
	for (t in trial)
		if (valid[t] && (retired[t] > 0 || peak[t] > 0))
			admits[t] = 1
	for (t in admits)
		one = t
	if (one == "") {
		note("garbage", "Garbage over time", "No trial retired an object: no subject here reclaims memory, or --smr-stats was off.")
		return
	}
	panels = choose_load(admits, 50, 2)
	fact("garbage", "subjects = " subjects)
	fact("garbage", "array bound[" panels * subjects "]")
	for (panel = 1; panel <= panels; panel++)
		for (s = 1; s <= subjects; s++) {
			split("", in_curve)
			for (t in admits)
				if (load_of[t] == load_chosen && threads[t] == threads_shown[panel] && number[who[t]] == s)
					in_curve[t] = sprintf("%025.3f %012d", mean[t], t)
			n = sorted(in_curve, order)
			fact("garbage", "bound[" (panel - 1) * subjects + s "] = " (n > 0 ? bound[order[int((n + 1) / 2)]] : 0))
			if (n > 0) {
				one = order[int((n + 1) / 2)]
				draw("garbage", panel, one)
				if (stalls[panel] == 0)
					stalls[panel] = stalls_of("garbage", stalled[one], panel)
			}
		}
	n = stalls[1] + stalls[2] > 0
	fact("garbage", "stalls = '" stalls[1] + 0 " " stalls[2] + 0 "'")
	curves_of("garbage", panels)
	panel_threads("garbage", panels)
	fact("garbage", "title = " quoted("Garbage over time: " chosen_text()))
	caption("garbage", "Objects retired and not freed yet, of all threads. A curve is one trial, the one whose mean is the median. " \
	    (n ? "Shaded: a thread is parked inside a read (of one of the trials; the others are some ms off). " : "") \
	    "Dotted: the most that the scheme allows, where it has a bound. " common " " machine, panels > 1 ? 150 : 112)
}

# sampled_of - 1 in how many calls was timed.
function sampled_of(json)
{
	rest = json
	while (options_next())
		if (option == "latency-sample")
			return 2 ^ value
	return 0
}

# Throughput and the longest call over time: of each subject one trial, the one with the median throughput.
function over_time(    t, s, admits, one, in_curve, order, n, marked, text, every, any_open, stalls)
{
	for (t in trial)
		if (only == "" ? valid[t] && subject[t] != "null" && level[t] == lowest[group[t]] : t == only)
			admits[t] = 1
	for (t in admits)
		one = t
	if (one == "") {
		note("over-time", "Throughput and the longest call over time", not_valid < trials ? \
		    "Only the subject null was measured, which is no map." : "None of the trials was valid.")
		return
	}
	choose_load(admits, 50, 1)
	fact("over-time", "subjects = " subjects)
	fact("over-time", "array pause_at[" subjects "]")
	fact("over-time", "array pause_ns[" subjects "]")
	fact("over-time", "array pause_text[" subjects "]")
	for (s = 1; s <= subjects; s++) {
		split("", in_curve)
		for (t in admits)
			if (load_of[t] == load_chosen && threads[t] == threads_shown[1] && number[who[t]] == s)
				in_curve[t] = sprintf("%025.6f %012d", mops[t], t)
		n = sorted(in_curve, order)
		if (n == 0)
			continue
		one = order[int((n + 1) / 2)]
		draw("over-time", 1, one)
		stalls = stalls > 0 ? stalls : stalls_of("over-time", stalled[one], 1)
		every = sampled_of(options[one])
		any_open = any_open || open_loop[one]
		fact("over-time", "pause_ns[" s "] = " (pause[one] != "" ? pause[one] : "NaN"))
		fact("over-time", "pause_at[" s "] = " (pause[one] != "" ? pause_at[one] : "NaN"))
		fact("over-time", "pause_text[" s "] = " quoted(pause[one] != "" ? ns_text(pause[one]) " " pause_text[one] : ""))
		if (pause[one] != "")
			text = text (text == "" ? "" : "; ") name_of[s] " " ns_text(pause[one]) " in " pause_text[one]
	}
	fact("over-time", "stalls = " stalls + 0)
	curves_of("over-time", 1)
	fact("over-time", "title = " quoted("Over time, " counted(threads_shown[1], "thread") ": " chosen_text()))
	caption("over-time", "A curve is one trial" (only == "" ? ", the one with the median throughput" : " (" only ")") ". " \
	    "Ringed: the worst pause, which is the longest of the calls that were timed" \
	    (any_open || every == 1 ? ", of all that is" : every > 1 ? ", 1 in " every : "") (text == "" ? "" : ": " text) ". " \
	    (any_open ? "The curves of the longest call count from the intended start, the ring from the real one. " : "") \
	    (stalls > 0 ? "Shaded: a thread is parked inside a read. " : "") common " " machine, 112)
}
