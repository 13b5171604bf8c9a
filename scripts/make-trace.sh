#!/bin/sh
# Real traces for `hamtbench run --workload trace`, made of what every Debian has.
set -eu

usage() {
	cat <<'TEXT'
usage: scripts/make-trace.sh words [FILE...]   count the words of texts: look each up, put in a new one, else
                                               modify its count; at the end take out those that came once.
                                               Without FILE the licences in /usr/share/common-licenses
       scripts/make-trace.sh paths [FILE...]   lists of paths, put in one by one. Without FILE those of all
                                               installed packages, as dpkg has them: each knows its folders
       scripts/make-trace.sh git [DIR]         the files of a repository, this one without DIR, through its
                                               history: insert, upsert, remove
A trace goes to standard output, as text: hamtbench trace convert makes it binary.
Exit status: 0 fine, 2 bad input.
TEXT
}

fail() {
	echo "make-trace.sh: $*" >&2
	exit 2
}

kind=${1-}
case $kind in
--help)
	usage
	exit 0
	;;
words | paths | git) shift ;;
*) fail "'$kind' is not words, paths or git (it knows --help)" ;;
esac
for file; do
	[ -e "$file" ] || fail "there is no $file"
done
# Bytes are bytes.
LC_ALL=C
export LC_ALL

# A key as a trace has it.
quote='
	function key(text) {
		if (text !~ /[ \t"\001-\037\177]/ && text !~ /^#/ && text != "")
			return text
		gsub(/\\/, "\\\\", text)
		gsub(/"/, "\\\"", text)
		gsub(/\t/, "\\t", text)
		return "\"" text "\""
	}'

case $kind in
words)
	[ $# -gt 0 ] || {
		[ -d /usr/share/common-licenses ] || fail "there is no /usr/share/common-licenses: name a file"
		set -- /usr/share/common-licenses/*
	}
	echo "# The words of $# texts, counted: scripts/make-trace.sh words"
	cat -- "$@" | tr -cs "A-Za-z0-9'-" '\n' | awk "$quote"'
		$0 == "" { next }
		{
			print "get " key($0)
			print (count[$0]++ ? "modify " : "insert ") key($0)
			if (count[$0] == 1)
				word[++words] = $0
		}
		END {
			for (i = 1; i <= words; i++)
				if (count[word[i]] == 1)
					print "remove " key(word[i])
		}'
	;;
paths)
	[ $# -gt 0 ] || {
		set -- /var/lib/dpkg/info/*.list
		[ -e "$1" ] || fail "dpkg has no lists here: name a file"
	}
	echo "# The paths of $# lists: scripts/make-trace.sh paths"
	cat -- "$@" | awk "$quote"'$0 != "" { print "insert " key($0) }'
	;;
git)
	[ $# -le 1 ] || fail "git wants one DIR"
	dir=${1-$(dirname "$0")/..}
	git -C "$dir" rev-parse -q --verify HEAD >/dev/null 2>&1 || fail "$dir is no repository with a history"
	echo "# The files of a repository through its history: scripts/make-trace.sh git"
	git -C "$dir" -c core.quotePath=off log --reverse --no-renames --no-merges --name-status --format= |
		awk -F '\t' "$quote"'
			NF == 2 {
				# Odd names are quoted, as C has them: taken as they are.
				print ($1 == "A" ? "insert " : $1 == "D" ? "remove " : "upsert ") key($2)
			}'
	;;
esac
