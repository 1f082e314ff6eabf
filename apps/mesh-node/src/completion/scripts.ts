/**
 * What each shell evaluates. All of them hand the line up to the cursor to `mesh-node __complete`, whose first line says
 * what follows: `words`, or `files` or `directories`, which a shell finds by itself.
 */
export const scripts = {
  bash: `# mesh-node completion bash
_mesh_node() {
  local line=\${COMP_LINE:0:COMP_POINT} kind word cut typing
  typing=\${line##*[[:space:]]}
  COMPREPLY=()
  {
    IFS= read -r kind
    while IFS= read -r word; do COMPREPLY+=("$word"); done
  } < <("\${COMP_WORDS[0]}" __complete "$line" 2>/dev/null)
  case $kind in
    files) compopt -o default 2>/dev/null ;;
    directories) compopt -o dirnames 2>/dev/null ;;
  esac
  # Where : or = end a word for bash, it completes what comes after them.
  cut=
  [[ $COMP_WORDBREAKS == *:* && $typing == *:* ]] && cut=\${typing%"\${typing##*:}"}
  [[ $COMP_WORDBREAKS == *=* && $typing == *=* && \${#cut} -eq 0 ]] && cut=\${typing%"\${typing##*=}"}
  [[ -n $cut ]] && COMPREPLY=("\${COMPREPLY[@]#"$cut"}")
  [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == *: ]] && compopt -o nospace 2>/dev/null
  return 0
}
complete -F _mesh_node mesh-node
`,
  zsh: `#compdef mesh-node
# mesh-node completion zsh
_mesh_node() {
  local line="\${(j: :)words[1,CURRENT]}"
  local -a found
  found=("\${(@f)$("\${words[1]}" __complete "$line" 2>/dev/null)}")
  local kind="\${found[1]}"
  shift found
  case $kind in
    files) _files ;;
    directories) _files -/ ;;
    *) compadd -Q -a found ;;
  esac
}
if [ "\${funcstack[1]}" = "_mesh_node" ]; then
  _mesh_node
else
  compdef _mesh_node mesh-node
fi
`,
  fish: `# mesh-node completion fish
function __mesh_node_complete
  set -l found (mesh-node __complete (commandline -cp | string collect) 2>/dev/null)
  switch "$found[1]"
    case files
      __fish_complete_path (commandline -ct)
    case directories
      __fish_complete_directories (commandline -ct)
    case '*'
      printf '%s\\n' $found[2..]
  end
end
complete -c mesh-node -f -a '(__mesh_node_complete)'
`
} as const

export type Shell = keyof typeof scripts

export const isShell = (text: string): text is Shell => Object.hasOwn(scripts, text)
