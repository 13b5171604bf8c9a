#!/usr/bin/env bats
# plot.sh: from a real small series to pictures with the right words in them,
# and the awk programs in between on numbers whose result is known.
# HAMTBENCH names the binary.
# shellcheck disable=SC2154 # run sets stderr

bats_require_minimum_version 1.5.0

setup_file() {
	HAMTBENCH=$(realpath "${HAMTBENCH:-$BATS_TEST_DIRNAME/../../build/release/hamtbench}")
	export HAMTBENCH SCRIPTS=$BATS_TEST_DIRNAME/..
	export AWK=$SCRIPTS/plots DB=$BATS_FILE_TMPDIR/results.db
	if [ ! -x "$HAMTBENCH" ]; then
		echo "build $HAMTBENCH first: make" >&2
		return 1
	fi
	# Series 1: all that there is to draw. Series 2: no map that retires.
	"$HAMTBENCH" run --subject seed,null,roofline --threads 1,2 --mix get=90,insert=5,remove=5 \
		--mix get=50,insert=25,remove=25 --dist zipf:0.99 --keys 1K --trials 2 --duration 20ms --warmup 1ms \
		--smr-stats counters --smr-stats sampled --noise off --db "$DB" --quiet >/dev/null
	"$HAMTBENCH" run --subject mutex --threads 1 --mix get=100 --keys 1K --trials 1 --duration 20ms --warmup 1ms \
		--db "$DB" --quiet >/dev/null
	# Series 3: threads that stall.
	"$HAMTBENCH" run --subject seed --workload stall --stall 10ms --every 30ms --threads 2 --keys 1K --trials 1 \
		--duration 100ms --warmup 1ms --db "$DB" --quiet >/dev/null
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
}

plot() {
	run --separate-stderr "$SCRIPTS/plot.sh" "$@"
	printf '%s\n' "status $status" "$output" "$stderr"
}

# refused TEXT - one line on standard error that ends so, nothing else, status 2.
refused() {
	[ "$status" -eq 2 ]
	[ -z "$output" ]
	[[ "$stderr" == *"$1" ]]
	[ "$(printf '%s\n' "$stderr" | wc -l)" -eq 1 ]
}

# says FILE TEXT... - the picture has each of these texts, alone or in a longer one.
says() {
	local file=$1 text
	shift
	for text; do
		grep -qF -- "$text" "$file" || { echo "$file does not say: $text"; return 1; }
	done
}

# silent_on FILE TEXT - no text of the picture is exactly this.
silent_on() {
	! grep -qF -- ">$2<" "$1"
}

@test "a series becomes five pictures, each PNG and SVG, and nothing else" {
	plot --db "$DB" --series 1 --out pictures
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "$(printf '%s\n' "$output" | sort)" = "$(printf 'pictures/%s\n' garbage.png garbage.svg latency.png latency.svg \
		reclamation.png reclamation.svg throughput.png throughput.svg tradeoff.png tradeoff.svg)" ]
	[ "$(find pictures -mindepth 1 | wc -l)" -eq 10 ]
	for picture in throughput latency reclamation garbage tradeoff; do
		[ "$(head -c 8 pictures/$picture.png | od -An -tx1 | tr -d ' ')" = 89504e470d0a1a0a ]
		head -n 2 pictures/$picture.svg | grep -q '<svg'
		grep -qx '</svg>' pictures/$picture.svg
	done
}

@test "pictures say what they show, in units, and how it was measured" {
	plot --db "$DB" --series 1 --out .
	[ "$status" -eq 0 ]
	says throughput.svg "Throughput against threads" "million operations per second" ">threads<" ">seed<" ">roofline<" \
		"get 90 %, insert 5 %, remove 5 %; zipf:0.99" "get 50 %, insert 25 %, remove 25 %; zipf:0.99" \
		"The harness itself (subject null) takes"
	silent_on throughput.svg null
	says latency.svg "Latency percentiles at" "get 90 %, insert 5 %, remove 5 %; zipf:0.99" ">percentile<" ">get<" \
		">insert, upsert, remove<" ">99.9<" " ns<" ">seed<"
	silent_on latency.svg null
	says reclamation.svg "Time from retire to free: get 50 %, insert 25 %, remove 25 %; zipf:0.99" \
		">share that waited longer<" ">seed (hp)<" "100 %"
	silent_on reclamation.svg roofline
	says garbage.svg "Garbage over time: get 50 %, insert 25 %, remove 25 %; zipf:0.99" ">seconds since the start<" \
		"objects pending" ">seed (hp)<"
	says tradeoff.svg "Throughput against garbage: get 50 %, insert 25 %, remove 25 %; zipf:0.99" ">Mops/s<" \
		">objects pending<" ">seed (hp)<"
	silent_on tradeoff.svg roofline
	for picture in throughput latency reclamation garbage tradeoff; do
		# The caption is broken into lines anywhere.
		tr '\n' ' ' <$picture.svg | sed 's/<[^>]*>//g' | tr -s ' \t' ' ' >words
		says words "1K keys; 2 trials of 20ms a point." ", Linux "
	done
}

@test "of an open loop, latency shows response times solid and service times dashed, and says so" {
	"$HAMTBENCH" run --subject seed,roofline --threads 1 --rate 100K,1G --keys 1K --trials 1 --duration 20ms --warmup 1ms \
		--db open.db --quiet >/dev/null
	plot --db open.db --out .
	[ "$status" -eq 0 ]
	tr '\n' ' ' <latency.svg | sed 's/<[^>]*>//g' | tr -s ' \t' ' ' >words
	says words "Response and service times at 1 thread" \
		"Solid: response times, from when a call was due to its end; dashed: service times, from its real start." \
		" had not begun when the time was up: counted with what the first of its thread had waited."
	# Of each subject, rate and panel a solid curve and a dashed one; a dash in an SVG is an attribute of its path.
	[ "$(grep -c 'stroke-dasharray' latency.svg)" -ge 8 ]
	plot --db "$DB" --series 1 --out .
	tr '\n' ' ' <latency.svg | sed 's/<[^>]*>//g' | tr -s ' \t' ' ' >words
	says words "Latency percentiles at" "Service times: from the start of a call to its end"
	[ "$(grep -c 'stroke-dasharray' latency.svg)" -lt 8 ]
	# The curves come from the histograms of these names.
	printf '%s\n' '4	latency	1	1	get_response' '4	latency	3	1	get' >chosen.tsv
	printf '%s\n' trial_id,name,low_ns,high_ns,count 4,get,5,6,7 4,get_response,50,60,7 4,update,1,1,1 >histograms.csv
	[ "$(awk -f "$AWK/csv.awk" -f "$AWK/histograms.awk" chosen.tsv histograms.csv)" = \
		"$(printf '%s\n' 'latency 3 1 5 6 7' 'latency 1 1 50 60 7')" ]
}

@test "what imported results do not have, and very short trials, is said in place of curves, whole" {
	"$HAMTBENCH" run --subject seed --threads 1,4 --mix get=50,insert=25,remove=25 --keys 1K --trials 1 --duration 20ms --warmup 1ms \
		--db exported.db --quiet >/dev/null
	"$HAMTBENCH" export --db exported.db --format json >exported.json
	"$HAMTBENCH" import exported.json --db imported.db
	plot --db imported.db --out .
	[ "$status" -eq 0 ]
	plot --db imported.db --out . --over-time
	[ "$status" -eq 0 ]
	says latency.svg "No histogram was kept with these trials: imported results have none."
	for picture in garbage over-time; do
		says $picture.svg "No sample was kept with these trials: imported results have none."
		# Nothing about curves that are not there.
		run ! grep -q -e "A curve is one" -e ">seed" $picture.svg
	done
	"$HAMTBENCH" run --subject seed --threads 1 --keys 1K --trials 1 --duration 5ms --sample-interval 1s --warmup 1ms \
		--db short.db --quiet >/dev/null
	plot --db short.db --out . --over-time
	[ "$status" -eq 0 ]
	says over-time.svg "Too few samples to draw: these trials are shorter than --sample-interval."
	# A caption is broken for the width of a note, not for that of the panels that are missing.
	"$HAMTBENCH" export --db imported.db --what trials >trials.csv
	"$HAMTBENCH" export --db imported.db --what points >points.csv
	awk -v out=. -f "$AWK/csv.awk" -f "$AWK/facts.awk" trials.csv points.csv exported.json
	awk -F"'" '/^caption\[/ && length($2) > 112 { exit 1 } { n++ } END { exit !n }' garbage.note.facts
}

@test "options of a map that are not at their defaults are said, in the caption if all its trials have them" {
	"$HAMTBENCH" run --subject hamt,seed,mutex --hash identity --backoff none --threads 1 --keys 1K --trials 1 --duration 5ms \
		--warmup 1ms --db options.db --quiet >/dev/null
	plot --db options.db --out .
	[ "$status" -eq 0 ]
	for picture in throughput latency reclamation garbage tradeoff; do
		tr '\n' ' ' <$picture.svg | sed 's/<[^>]*>//g' | tr -s ' \t' ' ' >words
		says words "Other than by default: backoff=none (hamt, seed); hash=identity (hamt)."
	done
	"$HAMTBENCH" run --subject hamt,hamt-hp-fence,mutex --hash identity --hash seeded --threads 1 --keys 1K --trials 1 --duration 5ms \
		--warmup 1ms --db options.db --quiet >/dev/null
	plot --db options.db --out .
	says throughput.svg ">hamt hash=identity<" ">hamt hash=seeded<"
	# Neither what is in a label nor a default: that of hamt-hp-fence is said on two lines.
	run ! grep -q "Other than" throughput.svg
}

@test "the same series gives the same bytes" {
	plot --db "$DB" --series 1 --out a
	plot --db "$DB" --series 1 --out b
	diff -r a b
}

@test "last is the series begun last; what it lacks is said in the picture" {
	plot --db "$DB" --out .
	[ "$status" -eq 0 ]
	says throughput.svg ">seed<"
	plot --db "$DB" --series 2 --out .
	[ "$status" -eq 0 ]
	says throughput.svg ">mutex<"
	says latency.svg ">no samples<"
	says reclamation.svg "no subject here reclaims memory"
	says garbage.svg "No trial retired an object"
	says tradeoff.svg "No trial retired an object"
}

@test "stalls are marked in the picture of garbage, and its y axis is logarithmic" {
	plot --db "$DB" --series 3 --out .
	[ "$status" -eq 0 ]
	tr '\n' ' ' <garbage.svg | sed 's/<[^>]*>//g' | tr -s ' \t' ' ' >words
	says words "Shaded: a thread is parked inside a read"
	# 100 ms have room for two or three stalls; one if the machine stands still.
	[ "$(grep -c 'rgb(228, *228, *228)' garbage.svg)" -ge 1 ]
	plot --db "$DB" --series 1 --out .
	[ "$(grep -c 'rgb(228, *228, *228)' garbage.svg)" -eq 0 ]
}

@test "over time: throughput, the longest call, phases, parked threads, the worst pause and its cause" {
	plot --db "$DB" --series 3 --over-time --out .
	[ "$status" -eq 0 ]
	[ "$(printf '%s\n' "$output")" = "$(printf '%s\n' ./over-time.png ./over-time.svg)" ]
	says over-time.svg "million operations per second" ">longest call<" ">seconds since the start<" ">seed<" \
		"seed: worst pause " ", cause: "
	tr '\n' ' ' <over-time.svg | sed 's/<[^>]*>//g' | tr -s ' \t' ' ' >words
	says words "the longest of the calls that were timed, 1 in 256: seed " "Shaded: a thread is parked inside a read"
	[ "$(grep -c 'rgb(228, *228, *228)' over-time.svg)" -ge 1 ]
	# These are no stretches of time.
	silent_on over-time.svg during
	"$HAMTBENCH" run --subject seed,mutex --workload load --keys 20K --threads 1 --trials 1 --latency-sample 0 --sample-interval 1ms \
		--db load.db --quiet >/dev/null
	plot --db load.db --over-time --out .
	[ "$status" -eq 0 ]
	says over-time.svg ">insert<" ">remove<" "mutex: worst pause "
	tr '\n' ' ' <over-time.svg | sed 's/<[^>]*>//g' | tr -s ' \t' ' ' >words
	says words "the calls that were timed, of all that is: "
	# A map that grows, seen to do so; samples say how often.
	"$HAMTBENCH" run --subject hamt --workload growth --keys 200K --prefill 1K --threads 1 --trials 1 --sample-interval 1ms \
		--db growth.db --quiet >/dev/null
	"$HAMTBENCH" export --db growth.db --what samples | awk -F, '/,hamt,/ { last = $NF } END { exit !(last > 0) }'
	plot --db growth.db --over-time --out .
	[ "$status" -eq 0 ]
	says over-time.svg ">resizing<" ">grow<" ">steady<"
	# One trial alone.
	id=$("$HAMTBENCH" export --db load.db --what phases | awk -F, '/,mutex,/ { print $2; exit }')
	plot --db load.db --over-time --trial "$id" --out .
	[ "$status" -eq 0 ]
	says over-time.svg "mutex: worst pause "
	silent_on over-time.svg seed
	plot --db load.db --over-time --trial 99
	refused "plot.sh: --trial: series 1 has no trial 99"
	plot --db load.db --trial 1
	refused "plot.sh: --trial: only together with --over-time"
	plot --db load.db --over-time --trial one
	refused "plot.sh: --trial: 'one' is no number from 1 up"
}

@test "over time: figures from samples that are known, resizing included" {
	mkdir data
	printf '5\tover-time\t1\t2\n' >chosen.tsv
	printf '%s\n' trial_id,at_ns,ops,longest_ns,resizings 5,500000000,1000000,700,0 5,1000000000,3000000,0,4 9,1,1,1,1 >samples.csv
	printf '%s\n' trial_id,name,elapsed_s 5,fill,0.75 5,"it's",0.25 9,other,1 >phases.csv
	awk -v out=data -f "$AWK/csv.awk" -f "$AWK/over-time.awk" chosen.tsv samples.csv phases.csv
	[ "$(cat data/over-time.1.2)" = "$(printf '%s\n' '0.5 2 700 0 0' '1 4 NaN 1 0.5')" ]
	grep -qx 'any_resized = 1' data/over-time.facts
	grep -qx 'phases = 2' data/over-time.facts
	grep -qx 'phase_at\[2\] = 0.75' data/over-time.facts
	grep -qx "phase_name\[2\] = 'it’s'" data/over-time.facts
}

@test "throughput is that of the lowest level of statistics" {
	printf '%s\n' trial_id,subject,reclaimer,workload,threads,keys,dist,mix,options,valid,mops,get_p50_ns,update_p50_ns,latency_lost,reclaim_samples,censored_samples,censored_max_ns,retired,pending_peak,pending_mean,bound,cpu_ns_per_op,elapsed_s \
		'1,hamt,hp,mixed,1,9,uniform,get=100,"{""run"":{""smr-stats"":""sampled""}}",1,5,1,1,0,1,0,0,1,1,1,0,1,1' \
		'2,hamt,hp,mixed,1,9,uniform,get=100,"{""run"":{""smr-stats"":""counters""}}",1,7,1,1,0,0,0,0,1,1,1,0,1,1' >trials.csv
	printf '%s\n' subject,workload,threads,keys,dist,mix,options,valid,mops_median,mops_min,mops_max \
		'hamt,mixed,1,9,uniform,get=100,"{""run"":{""smr-stats"":""sampled""}}",1,5,5,5' \
		'hamt,mixed,1,9,uniform,get=100,"{""run"":{""smr-stats"":""counters""}}",1,7,7,7' >points.csv
	echo '{"trials":[]}' >trials.json
	awk -v out=. -f "$AWK/csv.awk" -f "$AWK/facts.awk" trials.csv points.csv trials.json
	[ "$(cat throughput.1.1)" = "1 7 7 7" ]
	# Of latency the same; of the time from retire to free the one that has it.
	grep -qx "2	latency	1	1	get" chosen.tsv
	run ! grep -q "^1	latency" chosen.tsv
	grep -qx "1	reclamation	1	1	reclaim" chosen.tsv
}

@test "pictures of before are replaced, also by one without data" {
	plot --db "$DB" --series 1 --out .
	plot --db "$DB" --series 2 --out .
	[ "$status" -eq 0 ]
	says garbage.svg "No trial retired an object"
	[ ! -e .garbage.svg.tmp ]
}

@test "bad input: one line that names it, status 2" {
	plot --no-such-option
	refused "plot.sh: unknown option --no-such-option (it knows --db, --series, --out, --over-time, --trial, --help)"
	plot --db
	refused "plot.sh: --db wants a value"
	plot --db "$DB" --series two
	refused "plot.sh: --series: 'two' is neither a number from 1 up nor last"
	plot --db "$DB" --series 0
	refused "plot.sh: --series: '0' is neither a number from 1 up nor last"
	plot --db none.db
	[ "$status" -eq 2 ]
	[[ "$stderr" == *none.db* ]]
	plot --db "$DB" --series 99
	[ "$status" -eq 2 ]
	[[ "$stderr" == *99* ]]
	echo text >file
	plot --db "$DB" --out file/plots
	[ "$status" -eq 2 ]
	[[ "$stderr" == *file/plots* ]]
	[ "$(cat file)" = text ]
	HAMTBENCH=./none plot --db "$DB"
	refused "plot.sh: ./none is not built: run make, or set HAMTBENCH"
}

@test "without gnuplot: one line that names setup.sh" {
	mkdir bin
	for tool in sh dirname; do
		ln -s "$(command -v $tool)" bin
	done
	run --separate-stderr env PATH="$PWD/bin" "$SCRIPTS/plot.sh" --db "$DB" --out .
	refused "plot.sh: gnuplot is not installed: run scripts/setup.sh"
}

@test "--help says how to call it" {
	plot --help
	[ "$status" -eq 0 ]
	[[ "$output" == usage:* ]]
}

# ---- A machine and subjects of our own making ----

# fake SUBJECTS THREADS - a hamtbench whose export has these, on a machine of 4 cores.
fake() {
	mkdir -p fake
	printf '{"schema":1,"environments":{\n"e":{"cpu":{"allowed_pus":4,"model":"Example CPU","smt":%s},%s}},\n"trials":[\n]}\n' \
		"${SMT:-false}" '"kernel":{"release":"1.2.3"},"build":{"compiler":"gcc (Example 1-2) 1.2","variant":"release"}' >fake/trials.json
	awk -v subjects="$1" -v threads="$2" -v roof="${ROOF:-3}" -v valid="${VALID:-1}" '
	BEGIN {
		n = split(subjects, s, " ")
		m = split(threads, t, " ")
		print "subject,reclaimer,workload,threads,keys,dist,mix,options,valid,mops,get_p50_ns,update_p50_ns," \
		    "latency_lost,reclaim_samples,censored_samples,censored_max_ns,retired,pending_peak,pending_mean,bound," \
		    "cpu_ns_per_op,elapsed_s,series,trial_id" >"fake/trials.csv"
		print "subject,workload,threads,keys,dist,mix,options,valid,mops_median,mops_min,mops_max" >"fake/points.csv"
		print "trial_id,name,low_ns,high_ns,count" >"fake/histograms.csv"
		print "trial_id,at_ns,pending" >"fake/samples.csv"
		for (i = 1; i <= n; i++)
			for (j = 1; j <= m; j++) {
				mops = s[i] == "roofline" ? roof * n : i * (1 + log(t[j]))
				load = t[j] ",200000,uniform,\"get=90,insert=5,remove=5\",\"{\"\"run\"\":{\"\"duration\"\":\"\"1s\"\"}}\","
				print s[i] ",hp,mixed," load valid "," mops ",10,20,0,100,5,9000,1000,50,25,64,40,1.001,7," ++id >"fake/trials.csv"
				print s[i] ",mixed," load valid "," (valid ? mops : "") "," (valid ? mops * 0.9 : "") "," \
				    (valid ? mops * 1.1 : "") >"fake/points.csv"
				for (h = 1; h <= 3; h++)
					print id "," (h == 1 ? "get" : h == 2 ? "update" : "reclaim") "," 10 * i "," 11 * i ",1000" >"fake/histograms.csv"
				for (k = 0; k < 10; k++)
					print id "," k * 1e8 "," k * i >"fake/samples.csv"
			}
	}'
	cat >fake/hamtbench <<'SH'
#!/bin/sh
echo "$*" >>"$(dirname "$0")/called"
what=trials format=csv
while [ $# -gt 0 ]; do
	case $1 in
	--what) what=$2 ;;
	--format) format=$2 ;;
	esac
	shift
done
cat "$(dirname "$0")/$what.$format"
SH
	chmod +x fake/hamtbench
}

fake_plot() {
	HAMTBENCH=$PWD/fake/hamtbench plot --out .
}

@test "eight subjects and six numbers of threads: all are there, each in its own colour" {
	fake "hamt hamt-hp-fence seed urcu-lfht mutex tbb mymap roofline" "1 2 4 8 16 64"
	fake_plot
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	says throughput.svg ">hamt<" ">hamt-hp-fence<" ">seed<" ">urcu-lfht<" ">mutex<" ">tbb<" ">mymap<" ">roofline<" \
		">1<" ">2<" ">4<" ">8<" ">16<" ">64<" ">more threads<" ">than cores<"
	# Most threads that have a core each; then most of all.
	says latency.svg "Latency percentiles at 4 threads"
	says reclamation.svg ">4 threads<" ">64 threads: more than cores<"
	tr '\n' ' ' <throughput.svg | sed 's/<[^>]*>//g' | tr -s ' \t' ' ' >words
	says words "200K keys; 1 trial of 1s a point. Example CPU, 4 cores, Linux 1.2.3, gcc 1.2."
}

@test "all that is drawn is of one series, even if another one begins meanwhile" {
	fake "seed" "1 2"
	fake_plot
	[ "$status" -eq 0 ]
	[ "$(head -n 1 fake/called)" = "export --db $(realpath "$SCRIPTS/..")/results/results.db --series last --what trials" ]
	[ "$(grep -c -e '--series 7 ' fake/called)" -eq $(($(grep -c '^export' fake/called) - 1)) ]
}

@test "a subject has a colour of its own, whatever else is drawn and in whatever order" {
	for subjects in "hamt hamt-hp-fence seed urcu-lfht mutex tbb mymap roofline" "mutex seed roofline hamt"; do
		fake "$subjects" "1 2"
		awk -v out=. -f "$AWK/csv.awk" -f "$AWK/facts.awk" fake/trials.csv fake/points.csv fake/trials.json
		grep '^colour' subjects.facts | cut -d= -f2 | sort >colours
		[ "$(wc -l <colours)" -eq "$(echo "$subjects" | wc -w)" ]
		[ -z "$(uniq -d colours)" ]
		for subject in hamt seed mutex roofline; do
			n=$(sed -n "s/^label\[\([0-9]*\)\] = '$subject'\$/\1/p" subjects.facts)
			echo "$subject $(grep "^colour\\[$n\\]" subjects.facts | cut -d= -f2)"
		done | tee -a of_each
		rm ./*.facts
	done
	[ "$(sort -u of_each | wc -l)" -eq 4 ]
}

@test "a machine with SMT has CPUs, not cores; without too many threads nothing is shaded" {
	SMT=true fake "seed mutex" "2 8"
	fake_plot
	says throughput.svg ">than CPUs<"
	fake "seed mutex" "1 4"
	fake_plot
	[ "$status" -eq 0 ]
	silent_on throughput.svg "more threads"
}

@test "a roofline far above the maps is named instead of drawn" {
	ROOF=100 fake "seed roofline" "1 2"
	fake_plot
	says throughput.svg "roofline: 200, beyond the scale"
	ROOF=1 fake "seed roofline" "1 2"
	fake_plot
	run ! grep -q "beyond the scale" throughput.svg
}

@test "each trial is a dot; outliers are marked, disturbed ones hollow, and both are counted" {
	command -v sqlite3 >/dev/null || skip "sqlite3 is not installed"
	"$HAMTBENCH" run --subject mutex --threads 1 --mix get=100 --keys 1K --trials 6 --duration 2ms --warmup 1ms --noise off \
		--db o.db --quiet >/dev/null
	sqlite3 o.db "UPDATE trial SET mops = 10 + trial * 0.1, disturbed = 0;
		UPDATE trial SET mops = 30 WHERE trial = 5; UPDATE trial SET disturbed = 1 WHERE trial = 1"
	plot --db o.db --out .
	[ "$status" -eq 0 ]
	tr '\n' ' ' <throughput.svg | sed 's/<[^>]*>//g' | tr -s ' \t' ' ' >words
	says words "Ringed crosses: 1 outlier (beyond 1.5 interquartile ranges), in the medians all the same." \
		"Hollow: 1 disturbed trial, in no median."
	"$HAMTBENCH" export --db o.db --what trials >trials.csv
	"$HAMTBENCH" export --db o.db --what points >points.csv
	"$HAMTBENCH" export --db o.db --format json >trials.json
	awk -v out=. -f "$AWK/csv.awk" -f "$AWK/facts.awk" trials.csv points.csv trials.json
	[ "$(sort -k2n throughput.1.1.trials | awk '{ printf "%s:%s ", $2, $3 }')" = "10.1:2 10.2:0 10.3:0 10.4:0 10.6:0 30:1 " ]
	# The axis has room for it.
	grep -qx 'most\[1\] = 30' throughput.facts
}

@test "trials that are not valid are not drawn, and counted" {
	VALID=0 fake "seed mutex" "1 2"
	fake_plot
	[ "$status" -eq 0 ]
	for picture in throughput latency reclamation garbage; do
		says $picture.svg "4 trials not valid and left out"
	done
	says throughput.svg "None of the trials was valid."
	silent_on throughput.svg seed
}

@test "a series without a trial is refused" {
	fake "" ""
	fake_plot
	refused "results.db: series last holds no trial"
}

@test "an export without a column that is needed is refused" {
	fake "seed" "1"
	sed -i 's/mops_median/median/' fake/points.csv
	fake_plot
	[ "$status" -eq 2 ]
	[[ "$stderr" == *"no column mops_median" ]]
}

@test "texts cannot do anything but be shown" {
	# shellcheck disable=SC2016 # must not be expanded by anybody
	fake 'a`touch${IFS}harm`b it'\''s "x" $(touch${IFS}harm) @x %s' "1 2"
	fake_plot
	[ "$status" -eq 0 ]
	[ ! -e harm ]
	says throughput.svg "it’s" "%s"
}

# ---- The programs in between ----

@test "CSV: quotes, doubled quotes, commas inside, empty fields" {
	cat >split.awk <<'AWK'
{ n = csv_split($0, f); for (i = 1; i <= n; i++) printf "[%s]", f[i] }
AWK
	printf '%s\n' 'a,"b,c",,"say ""x, y""","",z' >line.csv
	run awk -f "$AWK/csv.awk" -f split.awk line.csv
	[ "$output" = '[a][b,c][][say "x, y"][][z]' ]
}

@test "histograms: percentiles as far as ten samples lie beyond, of all trials together" {
	# 1000 samples: 900 of 10 ns, 90 of 100 ns, 9 of 1 us, 1 of 10 us, from two trials.
	printf 'latency 1 3 %s\n' '10 10 450' '10 10 450' '96 100 90' '960 1000 9' '9600 10000 1' >counts
	sort -k1,1 -k2,2n -k3,3n -k5,5n counts | awk -v out=. -f "$AWK/csv.awk" -f "$AWK/curves.awk"
	[ "$(cat latency.1.3.marks)" = "$(printf '%s\n' '0.30103 10' '1 10' '2 100')" ]
	[ "$(cat latency.1.3)" = "$(printf '%s\n' '0 10' '1 10' '2 100')" ]
}

@test "ages: the share that waited longer" {
	printf 'reclamation 2 1 %s\n' '90 100 90' '900 1000 9' '9000 10000 1' | awk -v out=. -f "$AWK/csv.awk" -f "$AWK/curves.awk"
	[ "$(awk '{ printf "%d %.4f\n", $1, $2 }' reclamation.2.1)" = \
		"$(printf '%s\n' '90 1.0000' '100 0.1000' '1000 0.0100' '10000 0.0000')" ]
	grep -qx 'longest = 10000' reclamation.facts
}
