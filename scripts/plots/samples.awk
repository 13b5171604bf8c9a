# Garbage over time of the chosen trials.
#
# usage: awk -v out=DIR -f csv.awk -f samples.awk chosen.tsv samples.csv
# writes DIR/garbage.P.S  seconds since the common start, objects pending
# and adds to DIR/garbage.facts how far the axes must go.

FILENAME ~ /chosen[.]tsv$/ {
	split($0, f, "\t")
	if (f[2] == "garbage") {
		file[f[1]] = out "/garbage." f[3] "." f[4]
		# So that there is a file for every curve.
		printf "" >file[f[1]]
		files++
	}
	next
}

FNR == 1 {
	csv_header($0, at)
	csv_need(at, "trial_id at_ns pending")
	next
}

{
	csv_split($0, f)
	t = f[at["trial_id"]]
	if (!(t in file))
		next
	seconds = f[at["at_ns"]] / 1e9
	pending = f[at["pending"]] + 0
	print seconds, pending >file[t]
	longest = ++samples[t] > longest ? samples[t] : longest
	peak[t] = pending > peak[t] ? pending : peak[t]
	if (pending > 0 && (lowest == "" || pending < lowest))
		lowest = pending
	zero = zero || pending == 0
	last = seconds > last ? seconds : last
}

END {
	if (failed)
		exit 2
	if (files == 0)
		exit
	# The first one is from the very start.
	if (longest < 2) {
		without_curves(out, "garbage", without_samples(longest))
		exit
	}
	for (t in file) {
		most = peak[t] > most ? peak[t] : most
		least = least == "" || peak[t] < least ? peak[t] : least
	}
	facts = out "/garbage.facts"
	print "peak = " most + 0 >>facts
	print "lowest = " (zero || lowest == "" ? 1 : lowest) >>facts
	print "last = " last + 0 >>facts
	# A curve less than a twentieth as high as another would lie on the axis.
	print "logarithmic = " (most > 20 * (least > 1 ? least : 1)) >>facts
}
