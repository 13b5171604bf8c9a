#!/bin/sh
# Times as options of these scripts. Sourced.

# seconds_of TEXT - of "90s", "10m", "2h"; fails if it is no such whole number from 1 up, of at most 7 digits.
seconds_of() {
	case ${1%[smh]} in
	'' | *[!0-9]* | 0* | ????????* | "$1") return 1 ;;
	esac
	case $1 in
	*s) echo "${1%s}" ;;
	*m) echo $((${1%m} * 60)) ;;
	*h) echo $((${1%h} * 3600)) ;;
	esac
}
