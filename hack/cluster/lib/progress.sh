# shellcheck shell=bash
# Progress: what is being done, for how long, and why it failed.

phase() {
  printf '%s[%4ds]%s %s\n' "${color_on:-}" "$SECONDS" "${color_off:-}" "$*"
}

# fail MESSAGE [LOG]: says the cause, shows the end of the log, ends the script.
fail() {
  printf '%serror:%s %s\n' "${color_on:-}" "${color_off:-}" "$1" >&2
  if [[ -s ${2:-} ]]; then
    printf 'the last lines of %s:\n' "$2" >&2
    tail -n 20 "$2" | sed 's/^/  | /' >&2
  fi
  exit 1
}

# wait_until SECONDS COMMAND...: runs the command until it succeeds.
wait_until() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@" &>/dev/null; do
    ((SECONDS < deadline)) || return 1
    sleep 0.1
  done
}

if [[ -t 1 && -t 2 ]]; then
  color_on=$'\e[1m' color_off=$'\e[0m'
fi
