# Throughput against garbage: one mark a point; the x axis is logarithmic.

load 'tradeoff.facts'
with_marks = 1
legend_text(s) = with_scheme[s]
drawn = strlen(note) == 0
if (!drawn) { panels = 1 }
W = panels > 1 ? 1000 : 760
panels_height = drawn ? 360 : 160
load 'frame.gp'

eval axes
set logscale x 10
if (drawn) {
	width = panels > 1 ? 398 : 610
	do for [p = 1:panels] {
		left = 90 + 480 * (p - 1)
		eval place(left, top + 26, width, 270)
		set label 10 panel_title[p] at screen sx(left + width / 2), screen sy(top + 10) center tc rgb ink
		# Room for a mark at either end.
		set xrange [0.7 * leftmost : 1.4 * rightmost]
		set yrange [0 : highest * 1.1]
		set xtics nomirror auto
		set mxtics 10
		set ytics nomirror auto
		set format x '%.0s%c'
		set format y '%g'
		set label 11 'objects pending' at screen sx(left + width / 2), screen sy(top + 338) center tc rgb ink
		set label 12 (p == 1 ? 'Mops/s' : '') at screen sx(left - 72), screen sy(top + 161) center rotate tc rgb ink
		n = words(curves[p])
		plot for [i = 1:n] 'tradeoff.' . p . '.' . word(curves[p], i) \
			using 1:4:2:3:5:6 with xyerrorbars pt mark[at(p, i)] ps mark_size lw 1.4 lc rgb colour[at(p, i)]
	}
}
unset multiplot
