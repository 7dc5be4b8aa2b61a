# Run the contract suite on a mock of its own: sh contract.sh [pytest options]
set -eu

# How much faster than real the mock's clock runs: a stream of 45 s takes a little over one.
speed=40

folder=$(mktemp -d)
mock=
clean_up() {
	[ -z "$mock" ] || kill "$mock" 2>/dev/null || true
	rm -rf "$folder"
}
trap clean_up EXIT
# A shell killed by a signal runs no exit trap.
trap 'exit 130' INT
trap 'exit 143' TERM

mkfifo "$folder/printed"
enphase-mock serve --port 0 --speed "$speed" >"$folder/printed" &
mock=$!
# The mock prints its address once it is ready. Descriptor 3 stays open, so that it can print more.
exec 3<"$folder/printed"
base_url=$(sed -n '/http:/ { s/.*\(http:[a-z0-9.:/]*\).*/\1/p; q; }' <&3)
[ -n "$base_url" ] || exit 1

pytest --pyargs enphase_streaming_mock.checks --base-url "$base_url" --clock-speed "$speed" "$@"
