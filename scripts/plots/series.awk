# The number of the series that trials.csv is of; nothing if there is no trial.
#
# usage: awk -f csv.awk -f series.awk trials.csv

FNR == 1 {
	csv_header($0, at)
	csv_need(at, "series")
	next
}

{
	csv_split($0, f)
	print f[at["series"]]
	exit
}
