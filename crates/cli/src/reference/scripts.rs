//! Completion scripts: each hands the words typed so far to the hidden verb `__complete` and shows what comes back.

/// Shells there are scripts for.
pub(crate) const SHELLS: [&str; 4] = ["bash", "fish", "powershell", "zsh"];

/// The script for a shell, for the program `name`; `None` for a shell that is not known.
pub(crate) fn script(shell: &str, name: &str) -> Option<String> {
    let text = match shell {
        "bash" => BASH,
        "fish" => FISH,
        "powershell" => POWERSHELL,
        "zsh" => ZSH,
        _ => return None,
    };
    // A function's name takes fewer characters than a program's.
    let function: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    Some(text.replace("NAME", name).replace("FUNCTION", &function))
}

/// The shell takes words apart at colons and equals signs; they are put together again, and what is in front of the last
/// of these is taken from the answers. Behind one of them a value follows, and no space.
const BASH: &str = r#"# bash completion for NAME
__FUNCTION_complete() {
    local line="${COMP_LINE:0:COMP_POINT}" current words answer prefix breaks
    COMPREPLY=()
    read -r -a words <<<"$line"
    case "$line" in
        *[[:space:]]) words+=("") ;;
    esac
    current="${words[${#words[@]}-1]}"
    prefix=""
    breaks="${COMP_WORDBREAKS//[^:=]/}"
    [ -n "$breaks" ] && prefix="${current%"${current##*["$breaks"]}"}"
    while IFS=$'\t' read -r answer _; do
        case "$answer" in
            "" | :[0-9]*) ;;
            *) COMPREPLY+=("${answer#"$prefix"}") ;;
        esac
    done < <("${words[0]}" __complete "${words[@]:1}" 2>/dev/null)
    case "${#COMPREPLY[@]} ${COMPREPLY[0]}" in
        "1 "*[:=]) compopt -o nospace ;;
    esac
}
complete -o default -F __FUNCTION_complete NAME
"#;

/// No answer means a file, as to the other shells; behind `--flag=` its name begins.
const FISH: &str = r#"# fish completion for NAME
function __FUNCTION_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l answers (NAME __complete $words[2..-1] "$current" 2>/dev/null | string match -v -r '^:[0-9]+$')
    if test (count $answers) -gt 0
        printf '%s\n' $answers
        return
    end
    set -l flag (string match -r -- '^--[^=]*=' "$current")
    set -l path (string replace -r -- '^--[^=]*=' '' "$current")
    for answer in (__fish_complete_path "$path")
        printf '%s\n' "$flag$answer"
    end
end
complete -c NAME -f -a '(__FUNCTION_complete)'
"#;

/// An argument that is empty is lost by older releases unless it is written as two quotes. No answer means a file here, too.
const POWERSHELL: &str = r#"# powershell completion for NAME
$FUNCTIONComplete = {
    param($current, $line, $cursor)
    $before = @($line.CommandElements | Select-Object -Skip 1 |
        Where-Object { $_.Extent.EndOffset -lt $cursor } | ForEach-Object { $_.Extent.Text })
    $asked = $current
    if ($asked -eq '' -and ($PSVersionTable.PSVersion -lt [version]'7.3' -or $PSNativeCommandArgumentPassing -eq 'Legacy')) {
        $asked = '""'
    }
    & 'NAME' __complete @before $asked 2>$null | Where-Object { $_ -notmatch '^:[0-9]+$' } | ForEach-Object {
        $word, $about = $_ -split "`t", 2
        if (-not $about) { $about = $word }
        [System.Management.Automation.CompletionResult]::new($word, $word, 'ParameterValue', $about)
    }
}
Register-ArgumentCompleter -Native -CommandName 'NAME' -ScriptBlock $FUNCTIONComplete
"#;

const ZSH: &str = r#"#compdef NAME
# zsh completion for NAME
_FUNCTION() {
    local -a answers
    local line
    while IFS= read -r line; do
        case "$line" in
            :[0-9]*) ;;
            *$'\t'*) answers+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}") ;;
            *) answers+=("${line//:/\\:}") ;;
        esac
    done < <(NAME __complete "${(@)words[2,CURRENT]}" 2>/dev/null)
    if (( ${#answers} )); then
        _describe 'NAME' answers
    else
        _files
    fi
}
if [ "$funcstack[1]" = "_FUNCTION" ]; then
    _FUNCTION "$@"
else
    compdef _FUNCTION NAME
fi
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_names_the_program() {
        for shell in SHELLS {
            let text = script(shell, "my-docker").unwrap();
            assert!(
                text.contains("my-docker") && text.contains("my_docker"),
                "{shell}"
            );
            assert!(!text.contains("NAME") && !text.contains("FUNCTION"), "{shell}");
        }
        assert!(script("ksh", "docker").is_none());
    }
}
