# Completion of egressctl(1) for bash: the program itself knows what may stand where, the names of routers included.
_egressctl() {
    local IFS=$'\n' word=${COMP_WORDS[COMP_CWORD]}
    # shellcheck disable=SC2207 # A suggestion a line.
    COMPREPLY=($(compgen -W "$("${COMP_WORDS[0]}" "[suggest:$COMP_POINT]" "$COMP_LINE" 2>/dev/null)" -- "$word"))
    # After "tcp/" and "192.168.12.99:" stands a port.
    [[ ${#COMPREPLY[@]} -ne 1 || ${COMPREPLY[0]} != *[/:] ]] || compopt -o nospace
}
complete -F _egressctl egressctl
