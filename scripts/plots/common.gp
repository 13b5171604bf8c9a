# What all pictures share: the terminal, the frame with title, legend and
# caption, styles, axes with units. Lengths are in pixels, y counts from the top.
#
# usage: gnuplot -e "kind='png'" common.gp PICTURE.gp
# in the folder that facts.awk and the others have filled; draws picture.png

load 'subjects.facts'
set encoding utf8
unset key

ink = '#222222'
faint = '#6b6b6b'
line_height = 17
legend_height = 26

open(w, h) = sprintf("set terminal %s size %d,%d noenhanced font 'DejaVu Sans,%d' background '#ffffff'", \
	kind eq 'png' ? 'pngcairo' : 'svg', w, h, kind eq 'png' ? 10 : 13)
small = kind eq 'png' ? ',9' : ',12'
large = kind eq 'png' ? ',13' : ',17'

# The i-th subject of panel p, and its style: the roofline is dashed and has no mark.
at(p, i) = int(word(curves[p], i))
dash(s) = is_roofline[s] ? 2 : 1
point(s) = is_roofline[s] ? 0 : mark[s]

# place(x, y, w, h): where the next plot's axes go. Its words are placed to the pixel,
# too: titles and axis labels of gnuplot's own lie elsewhere in each terminal.
place(x, y, w, h) = sprintf("set lmargin at screen %.6f; set rmargin at screen %.6f; " . \
	"set tmargin at screen %.6f; set bmargin at screen %.6f", \
	sx(x), sx(x + w), sy(y), sy(y + h))

sx(x) = x / real(W)
sy(y) = 1 - y / real(H)

# gnuplot's marks and dashes are of another size in each terminal.
mark_size = kind eq 'png' ? 1.1 : 0.75
if (kind eq 'png') { set dashtype 2 (8, 6) } else { set dashtype 2 (5, 4) }

axes = "set border 3 lc rgb faint; set tics nomirror textcolor rgb ink font small; " . \
	"set grid ytics lc rgb '#dddddd' lt 1 lw 1"

# Log axes of times run from one of 1, 2, 5, 10, 20 ... to another, with a label
# at each of these, or at the decades only if there are many. down(x), up(x): the next one.
time_text(ns) = ns < 1e3 ? sprintf("%g ns", ns) : ns < 1e6 ? sprintf("%g µs", ns / 1e3) : \
	ns < 1e9 ? sprintf("%g ms", ns / 1e6) : sprintf("%g s", ns / 1e9)
decade(x) = 10 ** floor(log10(x) + 1e-9)
down(x) = x >= 5 * decade(x) ? 5 * decade(x) : x >= 2 * decade(x) ? 2 * decade(x) : decade(x)
up(x) = x <= decade(x) ? decade(x) : x <= 2 * decade(x) ? 2 * decade(x) : x <= 5 * decade(x) ? 5 * decade(x) : 10 * decade(x)
time_tic(ns) = sprintf("'%s' %g", time_text(ns), ns)
time_tics(least, most) = tics_from(0, most > 300 * least)
tics_from(e, sparse) = e > 12 ? "" : (e > 0 ? ", " : "") . time_tic(10 ** e) . \
	(sparse ? "" : ", " . time_tic(2 * 10 ** e) . ", " . time_tic(5 * 10 ** e)) . tics_from(e + 1, sparse)
