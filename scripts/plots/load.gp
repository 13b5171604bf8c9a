# Latency over load: a panel for each percentile, response time solid, service time dashed; the y axis is
# logarithmic and the same in all, the range beyond the capacity is shaded.

load 'load.facts'
with_marks = 1
legend_text(s) = label[s]
drawn = strlen(note) == 0
W = 1080
panels_height = drawn ? 400 : 160
load 'frame.gp'

eval axes
if (drawn) {
	array name[3] = ['median (p50)', 'p99', 'p99.9']
	n = words(legend)
	set logscale y 10
	set yrange [down(least) : up(most * 1.05)]
	set xrange [0 : farthest * 1.04]
	if (kind eq 'png') { set dashtype 3 (14, 9) } else { set dashtype 3 (8, 5) }
	do for [p = 1:3] {
		left = 86 + 336 * (p - 1)
		eval place(left, top + 26, 264, 310)
		unset label
		unset object
		set label 10 name[p] at screen sx(left + 132), screen sy(top + 10) center tc rgb ink
		set label 11 'percent of the capacity' at screen sx(left + 132), screen sy(top + 378) center tc rgb ink
		if (farthest > 100) {
			set object 1 rectangle from 100, graph 0 to graph 1, graph 1 behind fc rgb '#f0f0f0' fs solid noborder
		}
		set xtics nomirror 25
		if (p == 1) {
			set label 12 'time a call takes' at screen sx(left - 72), screen sy(top + 181) center rotate tc rgb ink
		}
		eval "set ytics nomirror (" . time_tics(down(least), up(most * 1.05)) . ")"
		set mytics 10
		data(i) = 'load.' . p . '.' . word(legend, i)
		s(i) = int(word(legend, i))
		plot for [i = 1:n] data(i) using 1:5 with lines lw 1.6 dt 3 lc rgb colour[s(i)], \
		     for [i = 1:n] data(i) using 1:2:3:4 with yerrorbars lw 1.2 pt mark[s(i)] ps mark_size lc rgb colour[s(i)], \
		     for [i = 1:n] data(i) using 1:2 with lines lw 2 lc rgb colour[s(i)]
	}
}
unset multiplot
