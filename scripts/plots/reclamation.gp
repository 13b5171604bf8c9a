# Time from retire to free: which share of the objects waited longer than x.
# Both axes are logarithmic, so that the tail shows.

load 'reclamation.facts'
with_marks = 0
legend_text(s) = with_scheme[s]
drawn = strlen(note) == 0
if (!drawn) { panels = 1 }
W = panels > 1 ? 1000 : 760
panels_height = drawn ? 360 : 160
load 'frame.gp'

eval axes
set logscale xy 10
if (drawn) {
	width = panels > 1 ? 398 : 610
	do for [p = 1:panels] {
		left = 90 + 480 * (p - 1)
		eval place(left, top + 26, width, 270)
		set label 10 panel_title[p] at screen sx(left + width / 2), screen sy(top + 10) center tc rgb ink
		set xrange [down(shortest) : up(longest * 1.02)]
		set yrange [decade(least_share) : 1.15]
		eval "set xtics nomirror (" . time_tics(down(shortest), up(longest * 1.02)) . ")"
		set mxtics 10
		set ytics nomirror ('100 %%' 1, '10 %%' 0.1, '1 %%' 0.01, '0.1 %%' 1e-3, '0.01 %%' 1e-4, '0.001 %%' 1e-5, '0.0001 %%' 1e-6, '0.00001 %%' 1e-7)
		set label 11 'time from retire to free' at screen sx(left + width / 2), screen sy(top + 338) center tc rgb ink
		set label 12 (p == 1 ? 'share that waited longer' : '') at screen sx(left - 72), screen sy(top + 161) center rotate tc rgb ink
		n = words(curves[p])
		plot for [i = 1:n] 'reclamation.' . p . '.' . word(curves[p], i) using 1:2 with steps lw 2 \
			lc rgb colour[at(p, i)]
	}
}
unset multiplot
