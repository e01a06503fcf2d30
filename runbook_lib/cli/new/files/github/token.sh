#!/usr/bin/env bash
# ci/github-token.sh: keep a fresh token of this job in OIDC_TOKEN_FILE until the job ends. GitHub's are good for minutes, an apply
# may take hours, and AWS's sessions are renewed by what lies in the file.
set -euo pipefail
: "${OIDC_TOKEN_FILE:?names the file that is written}"
umask 077

fetch() {
  curl --silent --show-error --fail --header @- "$ACTIONS_ID_TOKEN_REQUEST_URL&audience=sts.amazonaws.com" \
    <<<"Authorization: bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN" |
    python -c 'import json, sys; sys.stdout.write(json.load(sys.stdin)["value"])' >"$OIDC_TOKEN_FILE.part" &&
    mv "$OIDC_TOKEN_FILE.part" "$OIDC_TOKEN_FILE"
}

fetch
# One that could not be fetched is fetched the next time; the last one is good for a moment longer.
(while sleep 120; do fetch || true; done) </dev/null >/dev/null 2>&1 &
