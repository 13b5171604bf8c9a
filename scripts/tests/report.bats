#!/usr/bin/env bats
# The HTML report: one file that loads nothing, says who is fastest, and sorts in a browser.
# shellcheck disable=SC2154 # run sets stderr

bats_require_minimum_version 1.5.0

setup() {
	HAMTBENCH=$(realpath "${HAMTBENCH:-$BATS_TEST_DIRNAME/../../build/release/hamtbench}")
	cd "$BATS_TEST_TMPDIR" || return 1
}

measured() {
	"$HAMTBENCH" run --subject null,roofline,seed,mutex --threads 1,2 --keys 1K --mix get=100 --mix upsert=100 --pin none \
		--duration 5ms --warmup 1ms --trials 3 --noise off --quiet --db r.db >/dev/null
}

# browser ARGUMENT... - headless Chromium; without the network, and with a profile of its own.
browser() {
	timeout 60 chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
		--disable-background-networking --disable-component-update --disable-sync \
		--user-data-dir="$BATS_TEST_TMPDIR/profile" "$@" 2>/dev/null
}

@test "the page is whole, loads nothing, and names winner, machine, warnings and commands" {
	measured
	run "$HAMTBENCH" report --db r.db --out page.html
	[ "$status" -eq 0 ]
	[ "$output" = page.html ]
	run ! grep -qE 'https?://|src=|<link|@import' page.html
	[ "$(tail -n 1 page.html)" = '</html>' ]
	grep -qE '<p class=lead><b>(seed|mutex)</b> (is the fastest map|came out first)' page.html
	grep -q 'Measured on: <b>' page.html
	grep -qE '^<p>It completed [0-9.]+ to [0-9.]+ million operations per second, .* That is [0-9.]+ times as many as the next one, ' page.html
	grep -qE 'The difference is <b>(not )?shown</b>: by chance alone it would come about with a probability of [0-9l]' page.html
	grep -q 'Of 4 combinations of load and threads it was first in [1-4];' page.html
	grep -q '<b>roofline</b> or <b>null</b> is no map' page.html
	grep -q 'trials did not pin their threads' page.html
	# The ranking; for each load throughput and the latency of what it does; no garbage: these maps retire nothing.
	[ "$(grep -c 'aria-label="Throughput against threads"' page.html)" -eq 2 ]
	[ "$(grep -c 'aria-label="Latency by percentile"' page.html)" -eq 2 ]
	grep -q 'get: mixed  get=100' page.html
	grep -q 'update: mixed  upsert=100' page.html
	[ "$(grep -c '<tr><td data-v=' page.html)" -eq 16 ]
	# The command of a row is one that runs.
	sed -n 's:^<li><code>hamtbench \(.*\)</code>$:\1:p' page.html >commands
	[ "$(wc -l <commands)" -eq 16 ]
	while read -r command; do
		# shellcheck disable=SC2086 # words
		"$HAMTBENCH" $command --dry-run >/dev/null
	done <commands
}

@test "garbage and times from retire to free are drawn, stalls shaded, and no trial is dropped from the pictures" {
	command -v sqlite3 >/dev/null || skip "sqlite3 is not installed"
	"$HAMTBENCH" run --subject seed --workload stall --stall 5ms --every 15ms --threads 2 --keys 1K --trials 6 --duration 40ms \
		--warmup 1ms --noise off --smr-stats counters --smr-stats full --pin none --quiet --db r.db >/dev/null
	# One far above, one disturbed, the others close together.
	sqlite3 r.db "UPDATE trial SET mops = 10 + trial * 0.1, disturbed = 0;
		UPDATE trial SET mops = 30 WHERE trial = 5; UPDATE trial SET disturbed = 1 WHERE trial = 1"
	"$HAMTBENCH" report --db r.db --out page.html
	[ "$(grep -c 'aria-label="Garbage over time"' page.html)" -eq 1 ]
	[ "$(grep -c 'aria-label="Time from retire to free"' page.html)" -eq 1 ]
	[ "$(grep -c 'aria-label="Throughput against threads"' page.html)" -eq 1 ]
	grep -q 'Shaded: a thread is parked inside a read' page.html
	# Of the six trials at the lowest level: one mark each.
	[ "$(grep -c '<g class=outlier' page.html)" -eq 1 ]
	[ "$(grep -c '<g class=left' page.html)" -eq 1 ]
	[ "$(grep -c '<g class=trial' page.html)" -eq 4 ]
	grep -q 'Ringed crosses: 1 outlier, in all figures. Hollow: 1 disturbed trial, in no median.' page.html
	grep -q 'one trial: 30 Mops/s, outlier' page.html
	"$HAMTBENCH" export --db r.db --what points | head -n 1 | grep -q mops_fence_lo,mops_fence_hi
}

@test "a trial that is in no figure is named with its reason: a map that failed a check, another program's error" {
	command -v sqlite3 >/dev/null || skip "sqlite3 is not installed"
	measured
	sqlite3 r.db "UPDATE trial SET valid = 0, why = 'get does not find 3 of <1000> keys' WHERE subject = 'seed' AND threads = 2
			AND mix = 'get=100';
		UPDATE trial SET why = 'get does not find 4' WHERE rowid = (SELECT max(rowid) FROM trial WHERE valid = 0)"
	"$HAMTBENCH" report --db r.db --out page.html
	said=$(grep '^<li>3 trials of <b>seed</b> (mixed  get=100' page.html)
	[[ "$said" == *", 2 threads) are in no figure, for it failed a check: get does not find 3 of &lt;1000&gt; keys (the first of several reasons)" ]]
	[ "$(grep -c 'are in no figure, ' page.html)" -eq 1 ]
	"$HAMTBENCH" import "$BATS_TEST_DIRNAME/../../harness/tests/google-benchmark/sample.json" --db theirs.db --quiet
	"$HAMTBENCH" report --db theirs.db --out theirs.html
	said=$(grep 'in no figure, ' theirs.html)
	[[ "$said" == "<li>1 trial of <b>fails</b> (google-benchmark"*", 1 thread) is in no figure, for the benchmark reported an error: "* ]]
	# Its benchmarks have nothing in common: none is called the fastest.
	grep -q '</b> came out first here, but not clearly' theirs.html
	grep -q 'It was <b>not compared</b> with the others' theirs.html
	[[ "$said" == *"$(sed -n 's/.*"error_message": "\(.*\)".*/\1/p' "$BATS_TEST_DIRNAME/../../harness/tests/google-benchmark/sample.json")" ]]
}

@test "a map has the same colour in the report as in the plots" {
	top=$BATS_TEST_DIRNAME/../..
	sed -n '/own_colours\[\] =/,/};/p' "$top/harness/report.c" | grep -o '"[a-z-]*", "#[0-9A-F]*"' | tr -d '",' | sort >page
	sed -n 's/^\tfixed\["\([a-z-]*\)"\] = "\(#[0-9A-F]*\)"$/\1 \2/p' "$top/scripts/plots/facts.awk" | sort >plots
	[ "$(wc -l <page)" -ge 10 ]
	diff page plots
	sed -n '/spare_colours\[\] =/,/};/p' "$top/harness/report.c" | grep -o '#[0-9A-F]*' >page
	sed -n 's/^\tspares = split("\([^"]*\)".*/\1/p' "$top/scripts/plots/facts.awk" | tr ' ' '\n' >plots
	diff page plots
}

@test "a series that was killed is reported as what it is" {
	"$HAMTBENCH" run --subject null --threads 1 --keys 1K --mix get=100 --pin none --duration 20ms --warmup 1ms --trials 1000 \
		--noise off --quiet --format csv --db k.db >rows &
	until [ "$(wc -l <rows)" -ge 3 ]; do sleep 0.02; done
	"$HAMTBENCH" report --db k.db --out page.html >/dev/null
	grep -qE '<li>Series 1 is unfinished: it is still being measured, and [0-9]+ of 1000 trials are missing' page.html
	kill -9 $!
	wait $! || true
	"$HAMTBENCH" report --db k.db --out page.html >/dev/null
	missing=$("$HAMTBENCH" export --db k.db --what series | awk -F, 'NR == 2 { print $5 - $6 }')
	[ "$missing" -gt 0 ]
	grep -qF "<li>Series 1 is unfinished: it was interrupted or killed, and $missing of 1000 trials are missing." page.html
	grep -qF '<p><b>Series 1 is unfinished' page.html
	# A comparison says it of each side.
	"$HAMTBENCH" compare k.db k.db >said
	[ "$(grep -cxF "   Series 1 is unfinished: it was interrupted or killed, and $missing of 1000 trials are missing" said)" -eq 2 ]
	"$HAMTBENCH" merge twice.db k.db
	"$HAMTBENCH" export --db k.db --format json | sed 's/"uuid": *"..../"uuid":"abcd/' >other.json
	"$HAMTBENCH" import other.json --db twice.db --quiet
	"$HAMTBENCH" compare twice.db:all k.db >said
	grep -qF "$missing of 1000 trials are missing; 1 more of A are not whole, either" said
	"$HAMTBENCH" export --db k.db --what series | grep -q ',interrupted,1000,'
	"$HAMTBENCH" run --subject null --threads 1 --keys 1K --mix get=100 --pin none --duration 1ms --warmup 1ms --trials 1 \
		--noise off --quiet --db new/folder/c.db >/dev/null
	"$HAMTBENCH" report --db new/folder/c.db --out page.html >/dev/null
	run ! grep -q 'unfinished' page.html
	"$HAMTBENCH" compare new/folder/c.db new/folder/c.db >said
	run ! grep -q 'unfinished' said
	# One that came to its end, but for trials that could not run.
	status=0
	"$HAMTBENCH" run --subject null,"${HAMTBENCH%/*}/tests/plugins/no-create.so" --threads 1 --keys 1K --mix get=100 --pin none --duration 1ms \
		--warmup 1ms --trials 3 --noise off --quiet --db short.db >/dev/null 2>&1 || status=$?
	[ "$status" -eq 1 ]
	"$HAMTBENCH" report --db short.db --out page.html >/dev/null
	grep -qF '<p><b>Series 1 is short: 3 of 6 trials could not run.</b>' page.html
	"$HAMTBENCH" compare short.db short.db >said
	[ "$(grep -cxF '   Series 1 is short: 3 of 6 trials could not run' said)" -eq 2 ]
}

@test "what was asked for is no merit: points with --rate are ordered by response time" {
	command -v sqlite3 >/dev/null || skip "sqlite3 is not installed"
	"$HAMTBENCH" run --subject seed,mutex --threads 1 --keys 1K --mix get=100 --rate 20K --duration 20ms --warmup 1ms --trials 2 \
		--pin none --quiet --db r.db >/dev/null
	# mutex did more, but let callers wait longer.
	sqlite3 r.db "UPDATE trial SET mops = CASE subject WHEN 'mutex' THEN 0.03 ELSE 0.02 END,
		get_response_p99_ns = CASE subject WHEN 'mutex' THEN 9000 ELSE 1000 END"
	"$HAMTBENCH" report --db r.db --out page.html
	grep -q '<p class=lead>No map was measured on as few threads as there are cores without --rate: nothing is ranked by throughput' page.html
	grep -q '^<p>2 of 2 points had a prescribed rate of calls (--rate)' page.html
	run ! grep -qE 'Throughput against threads|How fast, next to the fastest|million operations per second' page.html
	sed -n '/<h2 id=open>/,/<\/table>/p' page.html | grep -o '<b>[a-z]*</b>' | tr -d '\n' >order
	[ "$(cat order)" = '<b>seed</b><b>mutex</b>' ]
	# With a closed loop that one is ranked, and only that.
	"$HAMTBENCH" run --subject seed,mutex --threads 1 --keys 1K --mix get=100 --duration 20ms --warmup 1ms --trials 2 \
		--pin none --quiet --db closed.db >/dev/null
	"$HAMTBENCH" report --db closed.db --out closed.html
	run ! grep -qE 'prescribed rate|id=open' closed.html
}

@test "trials too short to be judged are not called undisturbed; imported ones are said to have no series" {
	measured
	"$HAMTBENCH" report --db r.db --out page.html
	grep -q '^<li>48 of 48 trials are too short (below 0.1 s) to be judged: whether others disturbed them is not known' page.html
	[ "$(grep -c "<td data-v=''>not judged<td" page.html)" -eq 16 ]
	run ! grep -q 'Not drawn' page.html
	"$HAMTBENCH" export --db r.db --format json >r.json
	"$HAMTBENCH" import r.json --db theirs.db --quiet
	"$HAMTBENCH" report --db theirs.db --out theirs.html
	[ "$(grep -c '^<p>Not drawn: no trial here has histograms or samples' theirs.html)" -eq 3 ]
	run ! grep -qE 'no map here retired an object|Not measured: --smr-stats' theirs.html
	# Long enough.
	"$HAMTBENCH" run --subject null --threads 1 --keys 1K --mix get=100 --duration 110ms --warmup 1ms --trials 1 --pin none \
		--quiet --db long.db >/dev/null
	"$HAMTBENCH" report --db long.db --out long.html
	run ! grep -qE 'to be judged|not judged' long.html
}

@test "maps of byte strings are ranked among equal sizes" {
	"$HAMTBENCH" run --subject mutex-bytes,hamt-bytes --key-bytes 8 --key-bytes 4096 --threads 1 --keys 100 --mix get=100 --duration 5ms \
		--warmup 1ms --trials 2 --pin none --quiet --no-overhead --db b.db >/dev/null
	"$HAMTBENCH" report --db b.db --out page.html
	grep -q 'Of 2 combinations of load and threads it was first in [12];' page.html
	grep -qE '^<p>It completed .* That is [0-9.]+ times as many as the next one' page.html
	[ "$(sed -n '/<h2>How fast/,/<.svg>/p' page.html | grep -c 'class=name>\(mutex\|hamt\)-bytes</text>')" -eq 2 ]
	[ "$(grep -c 'class=load>mixed  get=100  uniform  100 keys  key-bytes=\(8\|4096\)  key-shape=random  value-bytes=32<' page.html)" -ge 2 ]
}

@test "an option of a map that is not its default is in its name, also where all rows have it" {
	"$HAMTBENCH" run --subject hamt,seed --backoff exp:2,9,16 --reclaim hp:threshold=7 --threads 1 --keys 100 --mix get=100 --duration 5ms \
		--warmup 1ms --trials 1 --pin none --quiet --db o.db >said
	grep -qE '^  hamt .*backoff=exp:2,9,16' said
	grep -qE '^  seed .*reclaim=hp:threshold=7' said
	"$HAMTBENCH" report --db o.db --out page.html
	grep -qE '<b>hamt  .*backoff=exp:2,9,16.*</b>' page.html
	"$HAMTBENCH" run --subject hamt,seed --backoff default --reclaim hp --threads 1 --keys 100 --mix get=100 --duration 5ms \
		--warmup 1ms --trials 1 --pin none --quiet --no-db >said
	run ! grep -qE 'backoff=|reclaim=' said
	# A name out of an import is no path: what is there is not loaded.
	cp "${HAMTBENCH%/*}/subjects/seed.so" x.so
	"$HAMTBENCH" export --db o.db --format json | sed 's|"subject": *"seed"|"subject":"./x.so"|g' >o.json
	"$HAMTBENCH" import o.json --db x.db --quiet
	"$HAMTBENCH" report --db x.db --out x.html
	grep -qF '<b>./x.so</b>' x.html
}

@test "bad input costs one line, and a page that is there already" {
	measured
	"$HAMTBENCH" report --db r.db --out page.html >/dev/null
	cp page.html old.html
	run --separate-stderr "$HAMTBENCH" report --db none.db --out page.html
	[ "$status" -eq 2 ]
	[ "$stderr" = "hamtbench report: none.db: no such file" ]
	run --separate-stderr "$HAMTBENCH" report --db r.db --series 7 --out page.html
	[ "$status" -eq 2 ]
	[ "$stderr" = "hamtbench report: r.db: no series 7: it has 1 to 1" ]
	run --separate-stderr "$HAMTBENCH" report --db r.db --out old.html/page.html
	[ "$status" -eq 2 ]
	[ "$stderr" = "hamtbench report: old.html/page.html: Not a directory" ]
	cmp page.html old.html
	[ -z "$(find . -name '*.tmp')" ]
}

@test "a page replaces a former page and nothing else, through a link too, and comes with its folders" {
	measured
	# refused PLACE WHY
	refused() {
		run --separate-stderr "$HAMTBENCH" report --db r.db --out "$1"
		[ "$status" -eq 2 ]
		[ "$stderr" = "hamtbench report: --out: $1: $2" ]
	}
	cp r.db copy.db
	cp r.db other.db
	echo notes >notes.html
	ln r.db hard.db
	ln -s r.db soft.db
	ln -s nowhere dangling
	mkfifo pipe
	refused r.db "it is the results file"
	refused hard.db "it is the results file"
	refused soft.db "it is the results file"
	refused other.db "it is there already, and is no report: it is not replaced"
	refused notes.html "it is there already, and is no report: it is not replaced"
	refused dangling "it is a symbolic link to no file"
	refused pipe "it is no regular file"
	refused /dev/null "it is no regular file"
	refused . "it is a folder"
	cmp r.db copy.db
	cmp other.db copy.db
	[ "$(cat notes.html)" = notes ]
	[ -p pipe ]
	[ -L soft.db ]
	"$HAMTBENCH" report --db r.db --out new/folder/page.html >/dev/null
	ln -s new/folder/page.html page.html
	echo '<!-- former -->' >>new/folder/page.html
	"$HAMTBENCH" report --db r.db --out page.html >/dev/null
	[ -L page.html ]
	[ "$(tail -n 1 new/folder/page.html)" = '</html>' ]
	: >empty
	"$HAMTBENCH" report --db r.db --out empty >/dev/null
	[ "$(tail -n 1 empty)" = '</html>' ]
	"$HAMTBENCH" report --db r.db >/dev/null
	[ -s results/report.html ]
	[ -z "$(find . -name '*.tmp')" ]
}

@test "in a browser the table sorts, nothing overflows a phone, and no picture cuts off its words" {
	command -v chromium >/dev/null || skip "chromium is not installed"
	measured
	"$HAMTBENCH" report --db r.db --out page.html >/dev/null
	# After a click on Mops/s the rows must ascend; the page's own width must fit the window's.
	sed 's:</html>::' page.html >clicked.html
	cat >>clicked.html <<-'HTML'
		<script>
		var th = Array.from(document.querySelectorAll('th')).find(function (t) { return t.textContent === 'Mops/s' });
		th.click();
		var v = Array.from(document.querySelector('table.sort').tBodies[0].rows).map(function (r) { return +r.cells[4].dataset.v });
		document.title = 'sorted ' + v.every(function (x, i) { return i === 0 || v[i - 1] <= x }) + ' rows ' + v.length +
			' fits ' + (document.documentElement.scrollWidth <= innerWidth) +
			' pictures ' + Array.from(document.querySelectorAll('svg')).every(function (s) {
				var b = s.getBoundingClientRect();
				return b.height > 40 && Array.from(s.querySelectorAll('text')).every(function (t) {
					var r = t.getBoundingClientRect();
					return r.left >= b.left - 1 && r.right <= b.right + 1 && r.top >= b.top - 1 && r.bottom <= b.bottom + 1 }) });
		</script></html>
	HTML
	dom=$(browser --window-size=500,900 --dump-dom "file://$PWD/clicked.html")
	[[ "$dom" == *"<title>sorted true rows 16 fits true pictures true</title>"* ]]
}

@test "google-benchmark's JSON has every trial, and its compare.py takes that of two runs" {
	measured
	"$HAMTBENCH" export --db r.db --format google-benchmark >a.json
	[ "$(grep -c '"run_type":"iteration"' a.json)" -eq 48 ]
	grep -q '"json_schema_version":1' a.json
	mv r.db first.db
	measured
	if command -v sqlite3 >/dev/null; then
		# One that failed, as the library writes it, and a point that only one of the two has.
		sqlite3 r.db "UPDATE trial SET valid = 0, why = 'wrong' WHERE trial = 2 AND subject = 'seed' AND threads = 1;
			DELETE FROM trial WHERE subject = 'mutex' AND threads = 2 AND mix = 'get=100'"
	fi
	"$HAMTBENCH" export --db r.db --format google-benchmark >b.json
	tool=/usr/share/benchmark/compare.py
	[ -f $tool ] || skip "libbenchmark-tools is not installed"
	# Debian's own: numpy and scipy are installed for it.
	/usr/bin/python3 -c 'import numpy, scipy' 2>/dev/null || skip "python3-numpy python3-scipy is not installed"
	/usr/bin/python3 $tool --no-color benchmarks a.json b.json >said
	for load in get=100 upsert=100; do
		[ "$(grep -c "^null/mixed/keys:1000/uniform/$load/threads:2  .*[-+][0-9.]* " said)" -eq 3 ]
		grep -q "^seed/mixed/keys:1000/uniform/$load/threads:2_pvalue .* U Test, Repetitions: 3 vs 3" said
	done
	grep -q '^OVERALL_GEOMEAN .*[-+][0-9]' said
	# Two maps of one file.
	/usr/bin/python3 $tool --no-color filters a.json seed mutex >said
	grep -qF '[seed vs. mutex]/mixed/keys:1000/uniform/get=100/threads:1_pvalue ' said
}
