# Garbage over time: objects retired and not freed yet, one trial a curve; the
# y axis is logarithmic where one curve would hide the others, and where threads are
# parked inside reads: these times are shaded.

load 'garbage.facts'
with_marks = 0
legend_text(s) = with_scheme[s]
drawn = strlen(note) == 0
if (!drawn) { panels = 1 }
W = panels > 1 ? 1000 : 760
panels_height = drawn ? 360 : 160
load 'frame.gp'

eval axes
if (drawn) {
	logarithmic = logarithmic || word(stalls, 1) + word(stalls, 2) > 0
	width = panels > 1 ? 398 : 610
	if (logarithmic) {
		set logscale y 10
	}
	do for [p = 1:panels] {
		left = 90 + 480 * (p - 1)
		eval place(left, top + 26, width, 270)
		set label 10 panel_title[p] at screen sx(left + width / 2), screen sy(top + 10) center tc rgb ink
		set xrange [0 : last > 0 ? last : 1]
		if (logarithmic) {
			set yrange [0.8 * decade(lowest) : peak * 2]
		} else {
			set yrange [0 : peak > 0 ? peak * 1.1 : 1]
		}
		set xtics nomirror auto
		set ytics nomirror auto
		# Steps of the axis are whole in these units.
		set format y (logarithmic || (peak >= 1e4 && peak < 1e6) ? '%.0s%c' : peak < 1e4 ? '%g' : '%.1s%c')
		set label 11 'seconds since the start' at screen sx(left + width / 2), screen sy(top + 338) center tc rgb ink
		set label 12 (p == 1 ? 'objects pending' . (logarithmic && lowest == 1 ? ' (0 drawn as 1)' : '') : '') at screen sx(left - 72), screen sy(top + 161) center rotate tc rgb ink
		unset object
		n = int(word(stalls, p))
		do for [i = 1:n] {
			eval sprintf("set object %d rectangle from first stall_%d[%d], graph 0 to first stall_%d[%d], graph 1 behind " . \
				"fillcolor rgb '#e4e4e4' fillstyle solid noborder", i, p, 2 * i - 1, p, 2 * i)
		}
		n = words(curves[p])
		limit(i) = bound[(p - 1) * subjects + at(p, i)]
		plot for [i = 1:n] 'garbage.' . p . '.' . word(curves[p], i) \
			using 1:(logarithmic && $2 < 1 ? 1 : $2) with steps lw 1.6 lc rgb colour[at(p, i)], \
		     for [i = 1:n] (limit(i) > 0 ? limit(i) : NaN) with lines lw 1.2 dt 3 lc rgb colour[at(p, i)]
	}
}
unset multiplot
