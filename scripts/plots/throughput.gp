# Throughput against threads: a panel for each load, error bars from the
# slowest to the fastest trial, the range of more threads than cores shaded.

load 'throughput.facts'
with_marks = 1
legend_text(s) = label[s]
drawn = strlen(note) == 0
if (!drawn) { rows = 1; cols = 1; panels = 0 }
panel_width = 400
panel_height = 290
W = 20 + panel_width * cols
W = W < 860 ? 860 : W
panels_height = drawn ? panel_height * rows : 160
load 'frame.gp'

eval axes
set logscale x 2
set style fill solid noborder
step = cols * panel_width < W - 40 ? (W - 20) / cols : panel_width

# Curves of one panel stand side by side, so that error bars can be told apart.
beside(i, n) = 2 ** (0.05 * (i - (n + 1) / 2.0))

do for [p = 1:panels] {
	if (strlen(curves[p]) > 0) {
		row = (p - 1) / cols
		col = (p - 1) % cols
		left = 66 + step * col
		y = top + panel_height * row
		eval place(left, y + 40, step - 66, panel_height - 92)
		center = sx(left + (step - 66) / 2)
		set label 10 panel_title[p] at screen center, screen sy(y + (strlen(hint[p]) > 0 ? 8 : 22)) center tc rgb ink
		set label 11 hint[p] at screen center, screen sy(y + 28) center font small tc rgb faint
		set xrange [least_threads / 1.5 : most_threads * 1.5]
		# Room at the top for the label of the shaded range.
		set yrange [0 : most[p] * (cores > 0 && most_threads > cores ? 1.3 : 1.1)]
		set xtics nomirror ()
		do for [i = 1:words(threads)] { set xtics add (word(threads, i) int(word(threads, i))) }
		set ytics nomirror auto
		set label 12 (row == rows - 1 ? 'threads' : '') at screen center, screen sy(y + panel_height - 16) center tc rgb ink
		set ylabel (col == 0 ? 'million operations per second' : '') tc rgb ink offset 0.5, 0
		if (cores > 0 && most_threads > cores) {
			over_from = cores * 1.15 > least_threads / 1.5 ? cores * 1.15 : least_threads / 1.5
			set object 1 rectangle from over_from, graph 0 to graph 1, graph 1 behind fc rgb '#f0f0f0' fs solid noborder
			set label 2 'more threads' at graph 0.985, 0.95 right font small tc rgb faint
			set label 3 over_text at graph 0.985, 0.885 right font small tc rgb faint
		}
		n = words(curves[p])
		trials(i) = 'throughput.' . p . '.' . word(curves[p], i) . '.trials'
		faint_of(s) = '#90' . substr(colour[s], 2, 7)
		# Lines last: a mark clears the place it stands on.
		plot for [i = 1:n] trials(i) using ($1 * beside(i, n)):($3 == 0 ? $2 : NaN) with points pt 7 ps 0.6 * mark_size \
			lc rgb faint_of(at(p, i)), \
		     for [i = 1:n] trials(i) using ($1 * beside(i, n)):($3 == 2 ? $2 : NaN) with points pt 6 ps 0.6 * mark_size \
			lc rgb colour[at(p, i)], \
		     for [i = 1:n] 'throughput.' . p . '.' . word(curves[p], i) \
			using ($1 * beside(i, n)):2:3:4 with yerrorbars lw 1.3 ps mark_size \
			pt point(at(p, i)) lc rgb colour[at(p, i)], \
		     for [i = 1:n] 'throughput.' . p . '.' . word(curves[p], i) \
			using ($1 * beside(i, n)):2 with lines lw 2 dt dash(at(p, i)) lc rgb colour[at(p, i)], \
		     for [i = 1:n] trials(i) using ($1 * beside(i, n)):($3 == 1 ? $2 : NaN) with points pt 6 ps 1.3 * mark_size lw 1.3 \
			lc rgb colour[at(p, i)], \
		     for [i = 1:n] trials(i) using ($1 * beside(i, n)):($3 == 1 ? $2 : NaN) with points pt 2 ps 0.7 * mark_size lw 1.3 \
			lc rgb colour[at(p, i)]
	}
}
unset multiplot
