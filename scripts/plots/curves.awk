# From sorted counts by curve and bucket to what gnuplot draws.
#
# usage: sort -k1,1 -k2,2n -k3,3n -k5,5n | awk -v out=DIR -f csv.awk -f curves.awk
# writes DIR/latency.P.S        x = -log10(1 - percentile / 100), y = ns
#        DIR/latency.P.S.marks  the same at 50, 90, 99, 99.9, 99.99 %
#        DIR/reclamation.P.S    x = ns, y = share that waited longer
# and adds to DIR/latency.facts and DIR/reclamation.facts how far the axes must go.

function log10(x)
{
	return log(x) / log(10)
}

# end_latency - percentiles as far as at least ten samples lie beyond them.
function end_latency(file,    i, x, last, p)
{
	last = total > 10 ? log10(total / 10) : 0
	for (i = 1; i <= n; i++) {
		x = upto[i] < total ? -log10(1 - upto[i] / total) : last
		if (i == 1)
			print 0, high[1] >file
		print (x < last ? x : last), high[i] >file
		# Equal up to rounding: 1 - 0.99 is not 0.01.
		if (x > last - 1e-9)
			break
	}
	longest = high[i] > longest ? high[i] : longest
	# The quickest tenth may lie below the axis: often it is 0, a tick of the clock.
	for (i = 1; upto[i] < total / 10; i++)
		;
	shortest = shortest == 0 || high[i] < shortest ? high[i] : shortest
	farthest = last > farthest ? last : farthest
	printf "" >(file ".marks")
	i = 1
	for (p = 1; p <= percentiles; p++) {
		x = -log10(1 - percentile[p] / 100)
		if (x > last + 1e-9)
			break
		while (upto[i] < total * percentile[p] / 100)
			i++
		print x, high[i] >(file ".marks")
	}
	close(file ".marks")
}

function end_reclamation(file,    i)
{
	print low, 1 >file
	# Below any axis at the end: nothing waited longer.
	for (i = 1; i <= n; i++)
		print high[i], (i < n ? 1 - upto[i] / total : 1e-15) >file
	re_longest = high[n] > re_longest ? high[n] : re_longest
	re_shortest = re_shortest == 0 || low < re_shortest ? low : re_shortest
	re_share = re_share == 0 || 1 / total < re_share ? 1 / total : re_share
}

function end_curve()
{
	if (n > 0) {
		total = upto[n]
		if (name ~ /^latency/)
			end_latency(out "/" name)
		else
			end_reclamation(out "/" name)
		close(out "/" name)
	}
	n = 0
}

BEGIN {
	percentiles = split("50 90 99 99.9 99.99", percentile, " ")
}

{
	if ($1 "." $2 "." $3 != name) {
		end_curve()
		name = $1 "." $2 "." $3
		low = $4 > 1 ? $4 : 1
	}
	# A log axis begins at 1 ns.
	$5 = $5 > 1 ? $5 : 1
	if (n == 0 || high[n] != $5) {
		high[++n] = $5
		upto[n] = n > 1 ? upto[n - 1] : 0
	}
	upto[n] += $6
}

END {
	end_curve()
	facts = out "/latency.facts"
	if (longest == "")
		without_curves(out, "latency", "No histogram was kept with these trials: imported results have none.")
	else
		printf "shortest = %.0f\nlongest = %.0f\nfarthest = %.9g\n", shortest, longest, farthest >>facts
	facts = out "/reclamation.facts"
	if (re_longest == "")
		without_curves(out, "reclamation", "No histogram was kept with these trials: imported results have none.")
	else
		printf "shortest = %.0f\nlongest = %.0f\nleast_share = %.9g\n", re_shortest, re_longest, re_share >>facts
}
