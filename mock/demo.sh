# A live view of one stream: of your own site if the environment says how, else of a mock.
# Usage: sh mock/demo.sh BIN, the folder that holds the commands.
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
	[ -z "$mock" ] || kill "$mock" 2>/dev/null
	rm -rf "$folder"
}
trap clean_up EXIT
# A shell that dies of a signal runs no exit trap.
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

mkfifo "$folder/printed" || exit
"$bin/enphase-mock" serve --port 0 --speed "$speed" --scenario "${SCENARIO:-outage}" \
	>"$folder/printed" &
mock=$!
{
	read -r _ base_url && read -r _ system_id && read -r _ api_key && read -r _ access_token
} <"$folder/printed" || {
	wait "$mock"
	code=$?
	mock=
	exit "$code"
}

echo "A mock plays the site, $speed times faster than real. For your own site, set" >&2
echo "ENPHASE_API_KEY, ENPHASE_ACCESS_TOKEN and ENPHASE_SYSTEM_ID." >&2
ENPHASE_BASE_URL=$base_url ENPHASE_API_KEY=$api_key ENPHASE_ACCESS_TOKEN=$access_token \
	"$bin/enphase-streaming" watch "$system_id" --once --duration "$duration" --clock-speed "$speed"
