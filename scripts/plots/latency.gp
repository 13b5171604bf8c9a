# Latency percentiles of one point: the x axis stretches the tail, a nine more
# for each step; the y axis is logarithmic. Of an open loop, response times are solid
# and service times dashed, the roofline's too.

load 'latency.facts'
with_marks = 1
legend_text(s) = label[s]
drawn = strlen(note) == 0
W = 1000
panels_height = drawn ? 360 : 160
if (drawn && open_loop) { dash(s) = 1 }
load 'frame.gp'

eval axes
set logscale y 10
if (drawn) {
	do for [p = 1:2] {
		left = 90 + 480 * (p - 1)
		eval place(left, top + 26, 398, 270)
		set label 10 panel_title[p] at screen sx(left + 398 / 2), screen sy(top + 10) center tc rgb ink
		set xrange [0 : farthest > 4 ? farthest * 1.02 : 4.1]
		set yrange [down(shortest) / 1.1 : up(longest * 1.1)]
		set xtics nomirror ('0' 0, '50' 0.30103, '90' 1, '99' 2, '99.9' 3, '99.99' 4, '99.999' 5, '99.9999' 6)
		eval "set ytics nomirror (" . time_tics(down(shortest), up(longest * 1.1)) . ")"
		set mytics 10
		set label 11 'percentile' at screen sx(left + 398 / 2), screen sy(top + 338) center tc rgb ink
		n = words(curves[p])
		services = words(curves[p + 2])
		# gnuplot looks at a first one even where there is none.
		service(i) = i <= services ? at(p + 2, i) : 1
		if (n == 0) {
			set label 1 'no samples' at graph 0.5, 0.5 center tc rgb ink
			plot NaN
			unset label 1
		} else {
			plot for [i = 1:n] 'latency.' . p . '.' . word(curves[p], i) using 1:2 with fsteps lw 2 \
				dt dash(at(p, i)) lc rgb colour[at(p, i)], \
			     for [i = 1:n] 'latency.' . p . '.' . word(curves[p], i) . '.marks' using 1:2 with points ps mark_size \
				pt point(at(p, i)) \
				lc rgb colour[at(p, i)], \
			     for [i = 1:services] 'latency.' . (p + 2) . '.' . service(i) using 1:2 with fsteps lw 1.6 \
				dt 2 lc rgb colour[service(i)]
		}
	}
}
unset multiplot
