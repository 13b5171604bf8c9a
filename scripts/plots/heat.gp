# Heat maps of one plane of the exponential policy's parameters, one panel for each
# number of threads.
#
# usage: gnuplot -e "kind='png'; data='FILE'; picture='FILE'" heat.gp
# data: lines "threads x y ratio mops", and "# title: ...", "# y: ...", "# machine: ...",
# as backoff-report.awk writes them. x and y are drawn at equal distances.

set encoding utf8
said(name) = system(sprintf("sed -n 's/^# %s: //p' '%s' | head -n 1", name, data))
distinct(column) = system(sprintf("awk '!/^#/ { print $%d }' '%s' | sort -nu | tr '\\n' ' '", column, data))

panels = distinct(1)
xs = distinct(2)
ys = distinct(3)
rows = words(panels) > 2 ? 2 : 1
columns = (words(panels) + rows - 1) / rows

# Where a value stands on its axis, from 0.
place(list, value) = place_from(list, value, 1)
place_from(list, value, i) = i > words(list) ? NaN : word(list, i) + 0 == value ? i - 1 : place_from(list, value, i + 1)
tics(list) = tics_from(list, 1)
tics_from(list, i) = i > words(list) ? "" : (i > 1 ? ", " : "") . sprintf("'%s' %d", word(list, i), i - 1) . tics_from(list, i + 1)

ink = '#222222'
faint = '#6b6b6b'
cell_w = 62
cell_h = 34
panel_w = cell_w * words(xs)
panel_h = cell_h * words(ys)
gap_x = 82
gap_y = 78
left = 72
right = 116
up = 86
below = 86
W = left + columns * panel_w + (columns - 1) * gap_x + right
W = W < 560 ? 560 : W
# The machine, in lines that fit; a letter of the small font is about 6 pixels wide.
machine_line(i) = system(sprintf("sed -n 's/^# machine: //p' '%s' | head -n 1 | fold -s -w %d | sed -n %dp", data, (W - 20) / 6, i))
machine_lines = 1
while (strlen(machine_line(machine_lines + 1)) > 0) { machine_lines = machine_lines + 1 }
H = up + rows * panel_h + (rows - 1) * gap_y + below + 15 * (machine_lines - 1)
eval sprintf("set terminal %s size %d,%d noenhanced font 'DejaVu Sans,%d' background '#ffffff'", \
	kind eq 'png' ? 'pngcairo' : 'svg', W, H, kind eq 'png' ? 10 : 13)
small = kind eq 'png' ? ',9' : ',12'
large = kind eq 'png' ? ',13' : ',17'
set output picture

stats data using 4 nooutput
least = STATS_min
most = STATS_max
# One colour for each value also where all are equal.
if (most - least < 0.01) { least = least - 0.005; most = most + 0.005 }
# From light to dark blue: more is darker, also in grey.
set palette defined (0 '#f4f8fb', 0.25 '#cfe1ee', 0.5 '#8fbcd8', 0.75 '#3f86b5', 1 '#08306b')
set cbrange [least:most]
dark(v) = v > least + 0.62 * (most - least)

set multiplot
unset key
set label 1 said('title') at screen 0.5, 1 - 24.0 / H center font large tc rgb ink
set label 2 'throughput, median, relative to none on as many threads; outlined: the best of its panel' \
	at screen 0.5, 1 - 46.0 / H center font small tc rgb faint
do for [i = 1:machine_lines] {
	set label 30 + i machine_line(i) at screen 0.5, (16.0 + 15 * (machine_lines - i)) / H center font small tc rgb faint
}
set border 0
unset tics
set xrange [-0.5:words(xs) - 0.5]
set yrange [-0.5:words(ys) - 0.5]
do for [p = 1:words(panels)] {
	column = (p - 1) % columns
	line = (p - 1) / columns
	x = left + column * (panel_w + gap_x)
	y = up + line * (panel_h + gap_y)
	set lmargin at screen x / real(W)
	set rmargin at screen (x + panel_w) / real(W)
	set tmargin at screen 1 - y / real(H)
	set bmargin at screen 1 - (y + panel_h) / real(H)
	set label 4 word(panels, p) . (word(panels, p) eq '1' ? ' thread' : ' threads') at graph 0.5, graph 1 offset 0, character 0.8 center tc rgb ink
	eval "set xtics (" . tics(xs) . ") scale 0 textcolor rgb ink font small offset 0, 0.3"
	eval "set ytics (" . tics(ys) . ") scale 0 textcolor rgb ink font small"
	set xlabel 'm: waits of at most 2^m ns' offset 0, 0.6 font small textcolor rgb ink
	set ylabel said('y') offset 0.8, 0 font small textcolor rgb ink
	# One scale for all panels, beside the last of the first row.
	if (p == columns) {
		set colorbox user origin (x + panel_w + 26.0) / W, 1 - (y + panel_h) / real(H) size 14.0 / W, panel_h / real(H)
		set cbtics textcolor rgb ink font small format '%.2f'
		set cblabel 'throughput / none' font small textcolor rgb ink
	} else { unset colorbox }
	mine = sprintf("< awk '!/^#/ && $1 == %s' '%s'", word(panels, p), data)
	best = system(sprintf("awk '!/^#/ && $1 == %s && $4 > v { v = $4; b = $2 \" \" $3 } END { print b }' '%s'", word(panels, p), data))
	bx = place(xs, word(best, 1) + 0)
	by = place(ys, word(best, 2) + 0)
	set object 1 rectangle from bx - 0.47, by - 0.45 to bx + 0.47, by + 0.45 front fs empty border lc rgb '#d9480f' lw 3
	# Boxes, not an image: a cell without a valid trial stays empty.
	plot mine using (place(xs, $2)):(place(ys, $3)):(place(xs, $2) - 0.5):(place(xs, $2) + 0.5): \
			(place(ys, $3) - 0.5):(place(ys, $3) + 0.5):4 with boxxy fs solid 1 noborder lc palette, \
		'' using (place(xs, $2)):(place(ys, $3)):(sprintf('%.2f', $4)):(dark($4) ? 0xffffff : 0x222222) \
			with labels font small tc rgb variable
	unset label 1
	unset label 2
	do for [i = 1:machine_lines] { unset label 30 + i }
}
unset multiplot
