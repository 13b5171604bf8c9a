# Split what a sanitized program said into its reports:
#	awk -v dir=DIR -f scripts/sanitizer-reports.awk LOG
# prints the key of each report, once for each time it was made, and writes the text
# of the first one of each key to DIR/KEY.text, and what KEY stands for to DIR/KEY.name.
#
# Two reports are one finding when their kind and the top frames of their first two
# stacks agree, in either order: "who raced with whom". Addresses, numbers of
# threads and of processes, sizes and offsets take no part; nor does who called, once
# the stack is back in the harness or a workload.

# The place of a frame: "function file:line", of a line "  #0 0x12 in f /a/b/c.c:3:5 (x+0x1)".
function place(line,    f, at)
{
	sub(/^ *#[0-9]+ +/, "", line)
	sub(/^0x[0-9a-f]+ +(in )?/, "", line)
	sub(/ *\(BuildId: [^)]*\)/, "", line)
	if (line ~ /^(<null> <null> )?\(/) {
		# No symbols: what is left is the module and the offset in it.
		sub(/^.*[(\/]/, "", line)
		sub(/\)$/, "", line)
		return line
	}
	sub(/ *\([^() ]*\+0x[0-9a-f]+\)/, "", line)
	f = line
	sub(/ .*/, "", f)
	at = line
	if (!sub(/^[^ ]+ +/, "", at))
		return f
	sub(/.*\//, "", at)
	if (at ~ /:[0-9]+:[0-9]+$/)
		sub(/:[0-9]+$/, "", at) # the column
	return f " " at
}

# A 31-bit hash of the text, as 8 hexadecimal digits: a name for files.
function digest(text,    i, h)
{
	h = 5381
	for (i = 1; i <= length(text); i++)
		h = (h * 33 + ord[substr(text, i, 1)]) % 2147483647
	return sprintf("%08x", h)
}

function finish(    key, name, a, b, file)
{
	if (!inside)
		return
	a = stack[1]
	b = stack[2]
	name = kind
	if (b != "" && b < a) {
		key = a
		a = b
		b = key
	}
	if (a != "")
		name = name ": " a
	if (b != "")
		name = name " / " b
	key = digest(name)
	print key
	file = dir "/" key ".text"
	if (!(key in known)) {
		known[key] = 1
		if ((getline line <(dir "/" key ".name")) <= 0) {
			printf "%s", text >file
			close(file)
			print name >(dir "/" key ".name")
		}
		close(dir "/" key ".name")
	}
	inside = 0
}

function begin(what)
{
	finish()
	inside = 1
	kind = what
	text = ""
	stacks = frames = 0
	split("", stack)
}

BEGIN {
	for (i = 1; i < 256; i++)
		ord[sprintf("%c", i)] = i
}

/^WARNING: ThreadSanitizer: / {
	what = $0
	sub(/^WARNING: ThreadSanitizer: /, "", what)
	sub(/ \(pid=.*/, "", what)
	begin(what)
}

/ERROR: (Address|Leak|Thread)Sanitizer:? / {
	what = $0
	sub(/.*Sanitizer:? /, "", what)
	sub(/ on (unknown )?address.*/, "", what)
	sub(/:? 0x[0-9a-f].*/, "", what)
	begin(what)
}

/: runtime error: / {
	what = $0
	at = what
	sub(/: runtime error: .*/, "", at)
	sub(/.*\//, "", at)
	sub(/.*: runtime error: /, "", what)
	gsub(/0x[0-9a-f]+/, "ADDRESS", what)
	gsub(/[0-9]+/, "N", what)
	begin(what " at " at)
}

inside {
	text = text $0 "\n"
	if ($1 == "#0") {
		stacks++
		frames = 0
	} else if (/\/(harness|workloads)\/[a-z_]+[.][ch]:/) {
		frames = 3
	}
	if ($1 ~ /^#[0-9]+$/ && stacks >= 1 && stacks <= 2 && frames < 3) {
		frames++
		stack[stacks] = stack[stacks] (frames > 1 ? " < " : "") place($0)
	}
	# The end of a report; what follows is the program's own, or the next report.
	if (/^SUMMARY: /)
		finish()
}

END { finish() }
