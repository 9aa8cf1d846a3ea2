# SPDX-License-Identifier: Apache-2.0
# Images of every kind arrive whole. Sourced by cases.

hundred_layers() {
    image=test:layers
    run sh -c 'cat /last; ls /many | wc -l; ls /many/2 /many/3 2>/dev/null; ls /folder | sort -n | head -n 1; cat /turns/in; cat /moves/in; ls -A / | grep -c wh' > out || true
    same "$(cat out)" $'99\n66\n/many/3\n50\ninside\ninside\n0'
}
odd() { image=test:odd; run sh -c "cd /odd; $1" > out 2> err; }
devices() { odd 'stat -c "%F %t %T" null block fifo; echo x > null && wc -c < null'; same "$(tr -d ' ' < out)" $'characterspecialfile13\nblockspecialfile7c8\nfifo00\n0'; }
hard_links() { odd 'stat -c %h one; cat deep/three; [ one -ef deep/three ] && echo same'; same "$(cat out)" $'3\nshared\nsame'; }
attributes() { odd 'probe xattr attributed user.test'; same "$(cat out)" 'some value'; }
sparse() { odd 'stat -c %s sparse; tail -c +10485761 sparse | head -c 3; echo; head -c 1000 sparse | tr -d "\000" | wc -c'; same "$(tr -d ' ' < out)" $'20971520\nend\n0'; }
long_names() { odd 'ls | grep -c "^n\{254\}$"; find deep -name end | wc -c; cat $(find deep -name end); readlink longlink | wc -c; readlink dangling'; same "$(tr -d ' ' < out)" $'1\n1617\ndeep\n1001\n/no/where'; }
owners_and_modes() {
    odd 'stat -c "%u %g" owned; stat -c %a setuid sticky none; stat -c "%s %Y" empty old | tr "\n" " "; ls | grep -c line'
    same "$(sed -n 1,4p out)" $'1234567 4294967294\n6755\n1777\n0'; says ' 1 ' <(sed 's/$/ /' out)
}
hostile_paths() {
    image=test:hostile
    # What climbed out of a layer is in the image, if anywhere.
    run sh -c 'readlink /links/root; find /etc /links -name "*escaped*" | grep -c .; cat /links/loop-a 2>&1; ls /links/proc/ > /dev/null 2>&1; echo end' > out
    same "$(sed -n '1p;$p' out)" $'/\nend'; says '^[12]$' out; says 'oo many levels|ELOOP' out
    # The host's own folders have nothing of it.
    not compgen -G '/etc/*escaped*'
}
same_image_twice() { run true; local begin=${EPOCHREALTIME/./}; id="$id-2"; run true; echo "$(( (${EPOCHREALTIME/./} - begin) / 1000 )) ms"; }
first_use_at_once() {
    local n pids=()
    for n in 1 2 3; do client run --rm --runtime "$RUNTIME" test:debian "$id-$n" cat /etc/debian_version > "first.$n" < /dev/null & pids+=($!); done
    for n in 1 2 3; do wait "${pids[n - 1]}"; cmp first.1 "first.$n"; done; says '^[0-9]' first.1; rm -f first.*
}

run_image_cases() {
    check "an image of a hundred layers is what its layers say" hundred_layers
    check "device nodes and pipes arrive" devices
    check "hard links are links" hard_links
    check "attributes arrive" attributes
    check "sparse files have their size and bytes" sparse
    check "long names arrive" long_names
    check "odd owners and modes arrive" owners_and_modes
    check "hostile links and names stay inside" hostile_paths
    check "an image is used twice" same_image_twice
    check "three containers of one image start at once" first_use_at_once
}
