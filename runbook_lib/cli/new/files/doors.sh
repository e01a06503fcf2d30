#!/usr/bin/env bash
# ci/doors.sh read|change: write AWS's configuration for one job (AWS_CONFIG_FILE). Each profile that settings name assumes its role
# in its own account by the job's token (OIDC_TOKEN_FILE): a role that is reached from another role would end after an hour.
set -euo pipefail
case "${1:-}" in
  read | change) ;;
  *)
    echo "usage: ci/doors.sh read|change" >&2
    exit 1
    ;;
esac
: "${OIDC_TOKEN_FILE:?names the file with the token of the job}" "${AWS_CONFIG_FILE:?names the file that is written}"
umask 077

door() {
  printf '[profile %s]\nrole_arn = %s\nweb_identity_token_file = %s\nrole_session_name = runbook-%s\n\n' \
    "$1" "$2" "$OIDC_TOKEN_FILE" "${CI_JOB_ID:-${GITHUB_RUN_ID:-job}}"
}

{
  door management "arn:aws:iam::@management@:role/runbook-management-$1"
  door delegated "arn:aws:iam::@delegated@:role/runbook-delegated-$1"
  door evidence "arn:aws:iam::@delegated@:role/runbook-evidence"
} >"$AWS_CONFIG_FILE"
