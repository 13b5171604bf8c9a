# The histograms of the chosen trials, as counts by curve and bucket:
#	picture panel subject low_ns high_ns count
# for sort and curves.awk. A curve of several trials has buckets several times.
#
# usage: awk -f csv.awk -f histograms.awk chosen.tsv histograms.csv

FILENAME ~ /chosen[.]tsv$/ {
	split($0, f, "\t")
	if (f[5] != "")
		curves[f[1], f[5]] = curves[f[1], f[5]] f[2] " " f[3] " " f[4] "\n"
	next
}

FNR == 1 {
	csv_header($0, at)
	csv_need(at, "trial_id name low_ns high_ns count")
	next
}

{
	csv_split($0, f)
	key = f[at["trial_id"]] SUBSEP f[at["name"]]
	if (!(key in curves))
		next
	n = split(curves[key], curve, "\n")
	for (i = 1; i < n; i++)
		print curve[i], f[at["low_ns"]], f[at["high_ns"]], f[at["count"]]
}

END {
	if (failed)
		exit 2
}
