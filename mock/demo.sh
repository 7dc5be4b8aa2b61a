# A live view of one stream: of your own site if the environment says how, else of a mock.
# Usage: sh mock/demo.sh BIN, the folder of the commands.
bin=$1

if [ "$ENPHASE_API_KEY" ] && [ "$ENPHASE_ACCESS_TOKEN" ] && [ "$ENPHASE_SYSTEM_ID" ]; then
	exec "$bin/enphase-streaming" watch --once
fi

# Client and mock share a clock that runs faster, so a minute is over in fifteen seconds.
speed=4
duration=60

mock=
folder=$(mktemp -d) || exit
clean_up() {
	[ -z "$mock" ] || { kill "$mock" && wait "$mock"; } 2>/dev/null
	rm -rf "$folder"
}
trap clean_up EXIT
# A shell that is killed by a signal runs no exit trap. PIPE: the reader of the output has gone.
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 141' PIPE
trap 'exit 143' TERM

mkfifo "$folder/printed" || exit
"$bin/enphase-mock" serve --port 0 --speed "$speed" --scenario "${SCENARIO:-outage}" \
	>"$folder/printed" &
mock=$!
unset ENPHASE_BASE_URL
# The mock prints what to export once it is ready, and nothing if it cannot start.
eval "$(head -n 6 "$folder/printed")"
if [ -z "$ENPHASE_BASE_URL" ]; then
	wait "$mock"
	code=$?
	mock=
	exit "$code"
fi

echo "A mock plays the site, $speed times faster than real. For your own site, set" >&2
echo "ENPHASE_API_KEY, ENPHASE_ACCESS_TOKEN and ENPHASE_SYSTEM_ID." >&2
"$bin/enphase-streaming" watch --once --duration "$duration" --clock-speed "$speed"
