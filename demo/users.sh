# Two users of the demonstration, as their clients: what they keep, and where they are served.
# Sourced beside pools.sh.

secret="Open, sesame"

# Signs on with each request, and goes where it is told to: whichever pool serves, either can be asked.
ask() { # user, pool, method, path, what else curl is told
    user=$1 asked=$2 method=$3 path=$4
    shift 4
    port=$(sed -n "/machine \"$(name_of "$asked")\"/,/}/s/.*users_port = //p" "$run/topology.conf")
    curl -sS --fail-with-body -L --location-trusted --cacert "$run/pki/authority.pem" \
        --connect-to ::127.0.0.1: --basic -u "$user:$secret" -X "$method" \
        "https://$(name_of "$asked"):$port$path" "$@"
}
contacts_of() { echo "/xcap/resource-lists/users/sip:$1@litwareinc.com/index"; }

has_account() { ask "$1" "$2" GET /v1/settings >/dev/null 2>&1; }
make_user() { # user, pool, name
    command_on atl Enable-CsUser -Identity "$1" -DisplayName "$3" -RegistrarPool "$(name_of "$2")"
    command_on atl Set-CsClientPin -Identity "$1" -Pin "$secret"
    wait_for "$1 to be known in $2" has_account "$1" "$2"
}

write_contacts() { # user, pool, contacts
    who=$1 at=$2
    shift 2
    printf '\n    %s, at %s, writes a contact list: %s\n' "$who" "$at" "$*"
    list=
    for contact in "$@"; do list="$list<entry uri=\"sip:$contact@litwareinc.com\"/>"; done
    ask "$who" "$at" PUT "$(contacts_of "$who")" -H 'Content-Type: application/resource-lists+xml' \
        -d "<resource-lists xmlns=\"urn:ietf:params:xml:ns:resource-lists\"><list>$list</list></resource-lists>"
}
write_settings() { # user, pool, settings
    printf '\n    %s, at %s, changes settings: %s\n' "$1" "$2" "$3"
    ask "$1" "$2" PUT /v1/settings -d "$3" >/dev/null
}
plan_conference() { # user, pool, subject, who is invited
    printf '\n    %s, at %s, plans a conference with %s: %s\n' "$1" "$2" "$4" "$3"
    ask "$1" "$2" POST /v1/conferences -d "{\"subject\": \"$3\", \"start\": \"2030-12-01T09:00:00Z\",
        \"end\": \"2030-12-01T10:00:00Z\", \"participants\": [\"sip:$4@litwareinc.com\"]}" >/dev/null
}

show_user() { # user, pool that is asked
    printf '\n    %s asks %s, and has\n' "$1" "$2"
    printf '        contacts:    %s\n' \
        "$(ask "$1" "$2" GET "$(contacts_of "$1")" | grep -o 'sip:[a-z]*' | sed 's/sip://' | xargs)"
    printf '        conferences: %s\n' \
        "$(ask "$1" "$2" GET /v1/conferences | grep -o '"subject": *"[^"]*"' | sed 's/.*: *"\(.*\)"/\1/' | xargs)"
    printf '        settings:    %s\n' "$(ask "$1" "$2" GET /v1/settings)"
    printf '        served by    %s\n' \
        "$(ask "$1" "$2" GET /v1/settings -o /dev/null -w '%{url_effective}' | sed 's,https://\([^:/]*\).*,\1,')"
}
