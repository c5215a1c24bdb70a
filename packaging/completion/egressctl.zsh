#compdef egressctl
# Completion of egressctl(1) for zsh: the program itself knows what may stand where, the names of routers included.
local -a suggestions
suggestions=("${(@f)$(${words[1]} "[suggest:$#BUFFER]" "$BUFFER" 2>/dev/null)}")
compadd -- "${(@)suggestions:#}"
