#!/bin/sh
# The rules of the house that a compiler does not check: who may include whom,
# what core may not do, how things are named. One line for each finding,
#	file:line: text
# Exit status: 0 clean, 1 something was found, 2 a tool is missing.
#
# shellcheck disable=SC2129 # one block for each rule reads better than one for all
set -eu

case ${1-} in
--help)
	echo 'usage: scripts/lint.sh [DIR]   checks the tree DIR (the one this script is in)'
	exit 0
	;;
-*)
	echo "lint.sh: unknown option $1 (it knows --help)" >&2
	exit 2
	;;
esac
[ $# -le 1 ] || {
	echo "lint.sh: $2: wants one DIR" >&2
	exit 2
}
cd "${1:-$(dirname "$0")/..}"

cc=${CC:-gcc}
for tool in "$cc" nm shellcheck; do
	if ! command -v "$tool" >/dev/null; then
		echo "lint.sh: $tool is not installed: run scripts/setup.sh" >&2
		exit 2
	fi
done

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
found=$scratch/found
: >"$found"

sources() {
	find core harness workloads "$@" -type f 2>/dev/null | sort
}

# ---- Top level: nothing that the layout does not name ----------------------
for entry in *; do
	case $entry in
	core | harness | workloads | scripts | results | Makefile | README.md | LICENSE) ;;
	build) ;; # made by make, ignored by git
	*) echo "$entry:1: the layout has no such top-level entry" ;;
	esac
done >>"$found"

# ---- C sources, line by line ------------------------------------------------
cat >"$scratch/c.awk" <<'AWK'
function say(text)
{
	print FILENAME ":" FNR ": " text
}

# The code of a line: comments gone, strings and characters emptied. Sets
# commented when a part of the line is a comment.
function code_of(line,    out, c, two, quote)
{
	out = ""
	commented = in_comment
	while (line != "") {
		if (in_comment) {
			if (!match(line, /\*\//))
				return out
			in_comment = 0
			line = substr(line, RSTART + 2)
			continue
		}
		if (!match(line, /\/\*|\/\/|["']/))
			return out line
		two = substr(line, RSTART, 2)
		out = out substr(line, 1, RSTART - 1)
		if (two == "//") {
			commented = 1
			return out
		}
		if (two == "/*") {
			commented = in_comment = 1
			line = substr(line, RSTART + 2)
			continue
		}
		quote = substr(two, 1, 1)
		out = out quote quote
		line = substr(line, RSTART + 1)
		while (line != "" && (c = substr(line, 1, 1)) != quote)
			line = substr(line, c == "\\" ? 3 : 2)
		line = substr(line, 2)
	}
	return out
}

# layer - what a file may include with "": one regular expression.
function layer(file)
{
	if (file ~ /^core\/tests\//)
		return "^core/"
	if (file ~ /^core\//)
		return "^core/[^/]*$"
	if (file ~ /^harness\/tests\//)
		return "^(harness/|core/base[.]h$|core/tests/(check|fuzz)[.]h$|buildinfo[.]h$)"
	if (file ~ /^harness\//)
		return "^(harness/[^/]*$|core/base[.]h$|buildinfo[.]h$)"
	if (file ~ /^workloads\/tests\//)
		return "^(harness/[^/]*$|workloads/tests/|core/tests/(check|fuzz)[.]h$|" public ")"
	if (file ~ /^workloads\/subjects\//)
		return "^(" plugin "|" public "|workloads/subjects/[^/]*$)"
	return "^(" plugin ")"
}

BEGIN {
	plugin = "harness/(plugin|bytes|worker|random|keys|mix|script|trace|clock|histogram)[.]h$"
	public = "core/(base|hamt|hash|hash_bytes|hazard|contention|reclaim|seed_hamt)[.]h$"
	libc = "^(linux/.*|sys/.*|assert|ctype|errno|fcntl|float|inttypes|limits|math|pthread|sched|" \
	    "signal|stdalign|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|string|time|unistd)[.]h$"
	# Not behind a dot or an arrow: those call a member of the same name.
	heap = "(^|[^A-Za-z0-9_.>])(malloc|calloc|realloc|reallocarray|aligned_alloc|" \
	    "posix_memalign|strdup|strndup|free)[ \t]*[(]"
	implicit = "(^|[^A-Za-z0-9_])atomic_(load|store|exchange|compare_exchange_(strong|weak)|" \
	    "fetch_(add|sub|or|xor|and)|flag_test_and_set|flag_clear)[ \t]*[(]"
}

FNR == 1 {
	in_comment = 0
	split("", comment_at)
	may_include = layer(FILENAME)
	core = FILENAME ~ /^core\//
	product = core && FILENAME !~ /^core\/tests\//
}

{
	code = code_of($0)
	comment_at[FNR] = commented
}

match($0, /^[ \t]*#[ \t]*include[ \t]*["<]/) {
	quoted = substr($0, RLENGTH, 1) == "\""
	name = substr($0, RLENGTH + 1)
	sub(/[">].*/, "", name)
	if (quoted && name !~ may_include)
		say("may not include \"" name "\"" (name !~ /\// ? \
		    ": includes are written from the top" : ": wrong layer"))
	if (!quoted && product && name !~ libc)
		say("core includes only core and libc, not <" name ">")
	if (core && name == "stdatomic.h" && FILENAME != "core/atomic.h")
		say("core gets atomics from core/atomic.h, not from <stdatomic.h>")
}

code ~ implicit {
	say("atomic operation without _explicit")
}

core && code ~ /atomic_thread_fence|__sync_synchronize|__atomic_thread_fence/ {
	say("no fences in core: ThreadSanitizer misreads them")
}

product && code ~ /(^|[^A-Za-z0-9_])__(sync|atomic)_[a-z]/ {
	say("core uses the atomics of C11, not the compiler's")
}

product && code ~ /(^|[^A-Za-z0-9_])(_Thread_local|thread_local|__thread)([^A-Za-z0-9_]|$)/ {
	say("no thread-local variables in core")
}

product && FILENAME != "core/base.h" && code ~ heap {
	say("core takes memory through the allocator of core/base.h only")
}

product && code ~ /memory_order_(acquire|release|acq_rel|seq_cst|consume)/ {
	near = 0
	for (back = 0; back <= 6 && back < FNR; back++)
		near = near || comment_at[FNR - back]
	if (!near)
		say("an order other than relaxed has no comment within the 6 lines above")
}

code ~ /(^|[^A-Za-z0-9_])typedef[ \t]/ && code !~ /_fn([^A-Za-z0-9_]|$)|vector_size/ {
	say("typedef is for function types, named _fn, and for vectors")
}

code ~ /(^|[^A-Za-z0-9_])(struct|union|enum)[ \t]+[A-Za-z0-9_]+_t[ \t]*([{;]|$)/ || \
    code ~ /(^|[^A-Za-z0-9_])typedef[ \t].*[A-Za-z0-9_]+_t[ \t]*(;|[)][ \t]*[(])/ {
	say("names in _t are reserved to POSIX")
}
AWK
sources -name '*.[ch]' -o -name '*.cc' -o -name '*.hh' >"$scratch/c_files"
if [ -s "$scratch/c_files" ]; then
	# shellcheck disable=SC2046 # the names of our sources have no blanks
	awk -f "$scratch/c.awk" $(cat "$scratch/c_files") >>"$found"
fi

# ---- core: no variables that outlive a call --------------------------------
# Compiled for a fixed address: constant tables of pointers are then read-only
# and do not look like variables.
for source in core/*.c; do
	[ -f "$source" ] || continue
	object=$scratch/object.o
	if ! "$cc" -std=c11 -D_GNU_SOURCE -I. -g -O1 -w -fno-pic -c -o "$object" "$source" 2>"$scratch/said"; then
		echo "$source:1: does not compile: $(head -n 1 "$scratch/said")"
		continue
	fi
	nm "$object" | awk '$2 ~ /^[BbCDdGgSs]$/ { print $3 }' | while read -r name; do
		line=$(grep -nE "(^|[^A-Za-z0-9_])${name%%.*}([^A-Za-z0-9_]|\$)" "$source" | head -n 1)
		echo "$source:${line%%:*}: core has no variables of its own: ${name%%.*}"
	done
done >>"$found"

# ---- Every text file: no blanks at the end of a line ------------------------
{
	sources scripts .ci results/README.md
	find . -maxdepth 1 -type f | sed 's:^\./::' | sort
} | while read -r file; do
	grep -InE '[[:blank:]]+$' "$file" | sed "s|^\([0-9]*\):.*|$file:\1: blanks at the end of the line|" || true
done >>"$found"

# ---- Shell ------------------------------------------------------------------
for script in scripts/*.sh scripts/tests/*.bats scripts/tests/*.bash .ci/run; do
	[ -f "$script" ] || continue
	# Fails when it finds something, which is counted below.
	shellcheck -f gcc "$script" | sed 's/^\([^:]*:[0-9]*\):[0-9]*:/\1:/' || true
	case $script in
	*.sh) head -n 1 "$script" | grep -qx '#!/bin/sh' || echo "$script:1: scripts are POSIX sh: #!/bin/sh" ;;
	esac
done >>"$found"

cat "$found"
[ ! -s "$found" ]
