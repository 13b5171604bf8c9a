# The frame of a picture: title on top, caption and legend below, the panels
# between. Wants W and panels_height; title, legend, caption, note; legend_text(s),
# with_marks: do the curves have marks?
# Leaves a multiplot open, and top, the first y of the panels.

top = 40
# The legend's rows, each centred; the width of an entry is an estimate.
entry_width(i) = 62 + 7.4 * strlen(legend_text(int(word(legend, i))))
legend_rows = 0
array legend_width[1 + words(legend)]
do for [i = 1:words(legend)] {
	if (i == 1 || legend_width[legend_rows] + entry_width(i) > W - 40) {
		legend_rows = legend_rows + 1
		legend_width[legend_rows] = 0
	}
	legend_width[legend_rows] = legend_width[legend_rows] + entry_width(i)
}
H = top + panels_height + legend_rows * legend_height + 12 + caption_lines * line_height + 10

eval open(W, H)
set output 'picture.' . kind
set multiplot
unset border
unset tics
unset grid
set xrange [0:W]
set yrange [H:0]
eval place(0, 0, W, H)
set label 1 title at W / 2, 20 center font large tc rgb ink
if (strlen(note) > 0) {
	set label 2 note at W / 2, top + panels_height / 2 center tc rgb ink
}
do for [i = 1:caption_lines] {
	set label 100 + i caption[i] at W / 2, H - 14 - (caption_lines - i) * line_height center font small tc rgb faint
}
row = 0
used = 0
do for [i = 1:words(legend)] {
	if (i == 1 || used + entry_width(i) > W - 40) {
		row = row + 1
		used = 0
	}
	s = int(word(legend, i))
	x = (W - legend_width[row]) / 2.0 + used + 10
	y = top + panels_height + legend_height * (row - 0.5)
	set arrow 100 + i from x, y to x + 34, y nohead lw 2 dt dash(s) lc rgb colour[s]
	if (with_marks && !is_roofline[s]) {
		set label 300 + i '' at x + 17, y point pt mark[s] ps mark_size lc rgb colour[s]
	}
	set label 500 + i legend_text(s) at x + 42, y left tc rgb ink
	used = used + entry_width(i)
}
plot NaN
unset label
unset arrow
unset xrange
unset yrange
