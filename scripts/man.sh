#!/bin/sh
# Manual pages, made of what is there already: the headers of core/, whose comments are
# the contract, and the help of hamtbench. `make install` calls it.
set -eu

usage() {
	cat <<'TEXT'
usage: scripts/man.sh header FILE.h    page NAME(3) for a header of core/
       scripts/man.sh command BINARY   page hamtbench(1), from the help of its commands
The page goes to standard output. Exit status: 0 fine, 2 bad input.
TEXT
}

case ${1-} in
--help)
	usage
	exit 0
	;;
header | command) ;;
*)
	echo "man.sh: '${1-}' is not header or command (it knows --help)" >&2
	exit 2
	;;
esac
[ $# = 2 ] || {
	echo "man.sh: $1 wants one file" >&2
	exit 2
}
[ -r "$2" ] || {
	echo "man.sh: cannot read $2" >&2
	exit 2
}

# A page of roff: lines as they are, in a font of one width.
# shellcheck disable=SC2016 # awk's own dollars
roff='
	function plain(text) {
		gsub(/\\/, "\\e", text)
		gsub(/-/, "\\-", text)
		if (text ~ /^[.\x27]/)
			text = "\\\\\\&" text
		return text
	}'

if [ "$1" = command ]; then
	binary=$2
	case $binary in
	*/*) ;;
	*) binary=./$binary ;;
	esac
	main=$("$binary" --help) || exit 2
	commands=$(printf '%s\n' "$main" | sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z-]*\) .*/\1/p')
	[ -n "$commands" ] || {
		echo "man.sh: $binary --help lists no commands" >&2
		exit 2
	}
	{
		printf '.TH HAMTBENCH 1 "" "concurrent\\-hamt"\n.SH NAME\nhamtbench \\- measure and stress concurrent maps\n'
		printf '.SH SYNOPSIS\n.B hamtbench\n.I COMMAND\n[\n.I OPTION\n\\&...\n]\n.SH DESCRIPTION\n.nf\n'
		printf '%s\n' "$main" | sed 1,2d | awk "$roff"'{ print plain($0) }'
		printf '.fi\n'
		for command in $commands; do
			printf '.SH "HAMTBENCH %s"\n.nf\n' "$(printf '%s' "$command" | tr '[:lower:]' '[:upper:]')"
			"$binary" "$command" --help </dev/null | awk "$roff"'{ print plain($0) }'
			printf '.fi\n'
		done
		printf '.SH "SEE ALSO"\n.BR hamt (3),\n.BR hazard (3)\n'
	}
	exit 0
fi

awk "$roff"'
	# Comments, then what they are about, then an empty line: one section each.
	function section(    i, name) {
		if (comments == 0 && codes == 0)
			return
		if (codes == 0 && !opened) {
			# The first comment of the file: name - what it is, then all about it.
			if (comment[1] !~ /^[a-z_]+[.]h +- /)
				exit 2
			name = comment[1]
			sub(/[.]h +- .*/, "", name)
			title = comment[1]
			sub(/^[^ ]* - /, "", title)
			for (i = 2; i <= comments && comment[i] != ""; i++)
				title = title " " comment[i]
			sub(/[.:]$/, "", title)
			upper = toupper(name)
			printf ".TH %s 3 \"\" \"concurrent\\-hamt\"\n.SH NAME\n%s \\- %s\n", upper, name, plain(title)
			printf ".SH SYNOPSIS\n.nf\n.B #include <hamt/%s.h>\n.fi\n", name
			print ".PP\ncc ... $(pkg\\-config \\-\\-cflags \\-\\-libs hamt)\n.SH DESCRIPTION\n.nf"
			for (i++; i <= comments; i++)
				print plain(comment[i])
			print ".fi\n.SH INTERFACE"
			opened = 1
		} else if (opened) {
			name = ""
			for (i = 1; i <= codes; i++)
				if (name == "" && match(code[i], /[a-z_0-9]+[ ]*[({]/)) {
					name = substr(code[i], RSTART, RLENGTH)
					gsub(/[ ({]/, "", name)
				}
			printf ".SS %s\n.nf\n", name != "" ? name : "\"\""
			for (i = 1; i <= codes; i++)
				print ".B \"" quoted(code[i]) "\""
			if (comments > 0)
				print ".sp"
			for (i = 1; i <= comments; i++)
				print plain(comment[i])
			print ".fi"
		}
		comments = codes = 0
	}
	function quoted(text) {
		text = plain(text)
		gsub(/"/, "\\(dq", text)
		return text
	}
	/^#(ifndef|define CORE_|endif|include "core)/ { next }
	{ sub(/ HAMT_MUST_USE;/, ";") }
	depth == 0 && /^$/ && !inside { section(); next }
	depth == 0 && !inside && /^\/\*/ && codes == 0 {
		inside = 1
		sub(/^\/\* ?/, "")
		if ($0 ~ /\*\/$/) {
			inside = 0
			sub(/ *\*\/$/, "")
		}
		if ($0 != "")
			comment[++comments] = $0
		next
	}
	inside {
		if ($0 ~ /\*\/$/)
			inside = 0
		sub(/^ \*\/?/, "")
		sub(/^ /, "")
		sub(/ *\*\/$/, "")
		if ($0 != "" || inside)
			comment[++comments] = $0
		next
	}
	{
		code[++codes] = $0
		depth += gsub(/[{]/, "{") - gsub(/[}]/, "}")
	}
	END {
		section()
		if (!opened)
			exit 2
		print ".SH \"SEE ALSO\"\n.BR hamtbench (1),\n.BR hamt (3),\n.BR hazard (3)"
	}' "$2" || {
	echo "man.sh: $2: its first comment must be: name.h - what it is" >&2
	exit 2
}
