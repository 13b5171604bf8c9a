# Throughput over time, above the longest call of the same time: phases are lines, parked threads and
# resizing are shaded, the worst pause of each curve is ringed.

load 'over-time.facts'
with_marks = 0
legend_text(s) = label[s]
drawn = strlen(note) == 0
n = drawn ? words(curves[1]) : 0
rows = drawn && any_resized ? n : 0
rug = rows > 0 ? 10 * rows + 24 : 0
# The worst pauses are said in the picture, if they are few; all of them are in the caption.
said = n <= 6 ? 15 * n + 6 : 0
W = 860
panels_height = drawn ? 496 + rug + said : 160
load 'frame.gp'

eval axes
if (drawn) {
	left = 96
	width = 640
	data(i) = 'over-time.1.' . word(curves[1], i)
	set xrange [0 : last]
	array place_y[2] = [top + 26, top + 230 + rug + said]
	array place_h[2] = [180, 200]
	do for [row = 1:2] {
		eval place(left, place_y[row], width, place_h[row])
		unset label
		unset object
		unset arrow
		do for [i = 1:stalls] {
			eval sprintf("set object %d rectangle from first stall_1[%d], graph 0 to first stall_1[%d], graph 1 behind " . \
				"fillcolor rgb '#e4e4e4' fillstyle solid noborder", i, 2 * i - 1, 2 * i)
		}
		# With threads that are parked, phases are no stretches of time.
		do for [i = 1:(stalls > 0 ? 0 : phases)] {
			set arrow 200 + i from first phase_at[i], graph 0 to first phase_at[i], graph 1 nohead dt 2 lw 1.2 \
				lc rgb (phases_same ? faint : colour[phase_of[i]])
			if (row == 1) {
				set label 200 + i phase_name[i] at first phase_at[i], screen sy(place_y[1] - 8 - (phases_same ? 0 : 11 * (phase_row[i] % 3))) left \
					offset 0.2, 0 font small tc rgb (phases_same ? faint : colour[phase_of[i]])
			}
		}
		if (row == 1) {
			set yrange [0 : top_mops > 0 ? top_mops * 1.1 : 1]
			unset logscale y
			set ytics nomirror auto
			unset mytics
			set format x ''
			set label 11 'million operations per second' at screen sx(left - 72), screen sy(place_y[1] + 90) center rotate tc rgb ink
			plot for [i = 1:n] data(i) using 1:2 with fsteps lw 1.6 dt dash(at(1, i)) lc rgb colour[at(1, i)]
		} else {
			least = down(quickest)
			worst = slowest
			do for [i = 1:n] { worst = pause_ns[at(1, i)] > worst ? pause_ns[at(1, i)] : worst }
			set logscale y 10
			set yrange [least : up(worst * 1.6)]
			eval "set ytics nomirror (" . time_tics(least, up(worst * 1.6)) . ")"
			set mytics 10
			set format x '%g'
			set label 11 'longest call' at screen sx(left - 72), screen sy(place_y[2] + 100) center rotate tc rgb ink
			set label 12 'seconds since the start' at screen sx(left + width / 2), screen sy(place_y[2] + 240) center tc rgb ink
			do for [i = 1:n] {
				s = at(1, i)
				if (pause_ns[s] > 0) {
					set label 300 + s '' at first pause_at[s], first pause_ns[s] point pt 6 ps 1.7 * mark_size lw 2 lc rgb colour[s] front
					if (said > 0) {
						set label 400 + s label[s] . ': worst pause ' . pause_text[s] at screen sx(left + 4), \
							screen sy(place_y[2] - said + 15 * i - 8) left font small tc rgb colour[s]
					}
				}
			}
			plot for [i = 1:n] data(i) using 1:3 with points pt 7 ps 0.45 * mark_size lc rgb colour[at(1, i)]
		}
	}
	if (rows > 0) {
		unset label
		unset object
		unset arrow
		unset logscale y
		unset grid
		unset ytics
		unset xtics
		unset border
		set yrange [rows + 0.5 : 0.5]
		eval place(left, top + 222, width, 10 * rows)
		set label 1 'resizing' at screen sx(left - 8), screen sy(top + 222 + 5 * rows) right font small tc rgb ink
		plot for [i = 1:n] data(i) using ($4 > 0 ? $5 : NaN):(i):($1 - $5):(0) with vectors nohead lw 6 lc rgb colour[at(1, i)]
	}
}
unset multiplot
