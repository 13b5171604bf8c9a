# bench-compare's picture: a row for each map, a dot for each point: its share of the roofline's
# throughput here over that in the reference. Coloured are those that chance does not explain.
# usage: gnuplot -e "kind='png'; dots='FILE'; to='FILE'" shape.gp; lines of dots: map, factor, -1 | 0 | 1
set encoding utf8
unset key
names = system("cut -f 1 '" . dots . "' | awk '!seen[$0]++'")
rows = words(names)
H = 120 + 34 * rows
eval sprintf("set terminal %s size 760,%d noenhanced font 'DejaVu Sans,%d' background '#ffffff'", \
	kind eq 'png' ? 'pngcairo' : 'svg', H, kind eq 'png' ? 10 : 13)
set output to
stats dots using 2 nooutput
reach = 1.1 * (STATS_max > 1 / STATS_min ? STATS_max : 1 / STATS_min)
reach = reach < 1.5 ? 1.5 : reach
set logscale x 2
set xrange [1 / reach : reach]
set yrange [rows + 0.6 : 0.4]
set title "Share of the roofline's throughput: this machine / reference"
set xlabel 'worse here          factor          better here' textcolor rgb '#6b6b6b'
set border 1 lc rgb '#6b6b6b'
set xtics nomirror ('1/8' 0.125, '1/4' 0.25, '1/2' 0.5, '0.8' 0.8, '1' 1, '1.25' 1.25, '2' 2, '4' 4, '8' 8)
unset ytics
set lmargin 18
set arrow 1 from 1, graph 0 to 1, graph 1 nohead lc rgb '#222222' dt 2
do for [i = 1:rows] { set label i word(names, i) at graph -0.02, first i right }
row(name) = sum [i = 1:rows] (word(names, i) eq name ? i : 0)
# Beside each other, not upon each other.
beside(n) = 0.28 * ((n * 0.618034 - floor(n * 0.618034)) - 0.5) * 2
shade(v) = v > 0 ? 0x0072B2 : v < 0 ? 0xD55E00 : 0x999999
plot dots using 2:(row(strcol(1)) + beside($0)):(shade($3)) with points pt 7 ps (kind eq 'png' ? 0.8 : 0.5) lc rgb variable
