# SPDX-License-Identifier: GPL-2.0-only
# bash completion of xrpc-cat

_xrpc_cat()
{
	local cur prev listen="" word

	COMPREPLY=()
	cur=${COMP_WORDS[COMP_CWORD]}
	prev=${COMP_WORDS[COMP_CWORD - 1]}
	for word in "${COMP_WORDS[@]}"; do
		[[ $word == -l || $word == --listen ]] && listen=1
	done

	case $prev in
	-f | --file)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	-e | --exec | -c | --sh-exec)
		mapfile -t COMPREPLY < <(compgen -c -- "$cur")
		return
		;;
	-t | --timeout | -m | --method | -d | --data | -n | --count)
		return
		;;
	esac

	if [[ $cur == -* ]]; then
		word="--data --file --count --ipv4 --ipv6 --verbose --help --version --replayable"
		if [[ $listen ]]; then
			word+=" --exec --sh-exec --echo --whole --shared"
		else
			word+=" --listen --timeout --method"
		fi
		mapfile -t COMPREPLY < <(compgen -W "$word" -- "$cur")
	elif [[ ! $listen ]]; then
		mapfile -t COMPREPLY < <(compgen -A hostname -S : -- "$cur")
		compopt -o nospace
	fi
}

complete -F _xrpc_cat xrpc-cat
