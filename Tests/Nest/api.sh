# SPDX-License-Identifier: Apache-2.0
# containerd's gRPC interface, for what `ctr` cannot ask: messages written in hexadecimal, sent by curl. Sourced by cases.

varint() { local n=$1; while [ "$n" -ge 128 ]; do printf '%02x' $(((n & 127) | 128)); n=$((n >> 7)); done; printf '%02x' "$n"; }
hex() { od -An -v -t x1 | tr -d ' \n'; }
# A field by its number: text, a number, or a message in hexadecimal.
field_message() { varint $((($1 << 3) | 2)); varint $((${#2} / 2)); printf '%s' "$2"; }
field_text() { field_message "$1" "$(printf '%s' "$2" | hex)"; }
field_number() { varint $(($1 << 3)); varint "$2"; }

# ask METHOD MESSAGE: prints the answer's status, a space, and the error's text, as `5 no such process`. 0 is success.
ask() {
    local body; body=$(printf '00%08x%s' $((${#2} / 2)) "$2" | sed 's/../\\x&/g')
    # shellcheck disable=SC2059
    printf "$body" | curl --silent --max-time 60 --http2-prior-knowledge --unix-socket /run/containerd/containerd.sock --data-binary @- \
        -H 'content-type: application/grpc' -H 'te: trailers' -H 'containerd-namespace: default' -D "$work/answer" -o "$work/body" \
        "http://localhost/containerd.services.tasks.v1.Tasks/$1"
    tr -d '\r' < "$work/answer" | awk -F ': ' 'tolower($1) == "grpc-status" { s = $2 } tolower($1) == "grpc-message" { m = $2 } END { print s, m }'
}
update() { ask Update "$(field_text 1 "$id")$(field_message 2 "$(field_text 1 types.containerd.io/opencontainers/runtime-spec/1/LinuxResources)$(field_text 2 "$1")")"; }
