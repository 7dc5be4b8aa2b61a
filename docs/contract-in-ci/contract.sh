# The contract suite on a mock of its own: sh contract.sh, and what pytest is to be told besides.
set -eu

# The mock's clock runs so many times faster, so a stream of 45 s takes a little more than one.
speed=40

folder=$(mktemp -d)
mock=
clean_up() {
	[ -z "$mock" ] || kill "$mock" 2>/dev/null || true
	rm -rf "$folder"
}
trap clean_up EXIT
# A shell that dies of a signal runs no exit trap.
trap 'exit 130' INT
trap 'exit 143' TERM

mkfifo "$folder/printed"
enphase-mock serve --port 0 --speed "$speed" >"$folder/printed" &
mock=$!
# It prints where it is once it answers; what else it prints needs a reader, too.
exec 3<"$folder/printed"
read -r _ base_url <&3

pytest --pyargs enphase_streaming_mock.checks --base-url "$base_url" --clock-speed "$speed" "$@"
