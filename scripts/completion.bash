# bash completion for hamtbench: commands, options and their values, asked of the binary
# itself, so that they are those of the build that is run.

_hamtbench() {
	local binary=${COMP_WORDS[0]} word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	local command='' option='' words i

	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-*) ;;
		*)
			command=${COMP_WORDS[i]}
			break
			;;
		esac
	done
	if [ -z "$command" ]; then
		words=$("$binary" --help 2>/dev/null | sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z-]*\) .*/\1/p')
		mapfile -t COMPREPLY < <(compgen -W "$words --help --version" -- "$word")
		return
	fi
	# --option=value: '=' is a word of its own to bash, or not, as COMP_WORDBREAKS has it.
	case $word in
	=)
		option=$before
		word=
		;;
	--*=*)
		option=${word%%=*}
		word=${word#*=}
		;;
	*)
		case $before in
		=) option=${COMP_WORDS[COMP_CWORD - 2]} ;;
		--*) option=$before ;;
		esac
		;;
	esac
	case $option in
	--subject) words=subjects ;;
	--workload) words=workloads ;;
	--dist) words=distributions ;;
	--pin) words=policies ;;
	*) words= ;;
	esac
	if [ -n "$words" ] && [[ $word != */* ]]; then
		# The last of a list.
		local list=
		[[ $word == *,* ]] && list=${word%,*},
		words=$("$binary" list "$words" 2>/dev/null | sed -n 's/^  \([a-z][A-Za-z0-9:_-]*\)  .*/\1/p')
		mapfile -t COMPREPLY < <(compgen -W "$words" -P "$list" -- "${word##*,}")
		return
	fi
	if [[ $word == -* ]]; then
		words=$("$binary" "$command" --help 2>/dev/null | grep -oE -- '--[a-z][a-z-]*')
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
	elif [ "$command" = list ]; then
		words=$("$binary" list --help 2>/dev/null | sed -n '1s/.*\[\(.*\) \.\.\.\].*/\1/p' | tr '|' ' ')
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
	fi
}

complete -o default -F _hamtbench hamtbench
