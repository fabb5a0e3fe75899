#!/usr/bin/env python3
"""Does the simulator find what it is for? The core is broken on purpose, in one place at a time, and
the simulator must fail. broken.py BUILD SOURCE [WORD…]: those whose sentence has one of the words.

A place is a text that stands in its file once. If it does not any more, the rule has changed: break it
where it is now. Prints TAP."""

import json
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

SEEDS_AT_ONCE, SEEDS_MAX = 25, 600  # all were found within the first seventy-five
ANY, ALONE, PUT_BACK, FORCED = (), ("--disasters",), ("--put-back-holders",), ("--forces",)
CENTRAL_ALONE = ("--central", "--disasters")

# What is broken; where; how; and in which worlds that is found.
WAYS = [
    ("a term's number is simply the next one, whoever opens it", "core/term.c",
     "    if (number % 2 != (side == SIDE_HOME ? 0 : 1))\n        number++;\n", "    (void)side;\n", ANY),
    ("whoever held a home goes on after a restart without asking", "core/mode.c",
     "{MODE_SERVING,    CAUSE_RESTARTED,    MODE_REJOINING, ",
     "{MODE_SERVING,    CAUSE_RESTARTED,    MODE_SERVING, ", ANY),
    ("a higher term is not heeded", "core/home.c",
     "    } else if (elsewhere || !home_holds(h)) {", "    } else if (!home_holds(h)) {", ALONE),
    ("a record that the store refused counts as kept", "core/home.c",
     "    case HOME_NOT_STORED: on_not_stored(h, event, actions); break;",
     "    case HOME_NOT_STORED: on_stored(h, event, actions); break;", ANY),
    ("the number that is granted is not above all that were seen", "core/rejoin.c",
     "uint64_t number = term_number_above(side_other(h->side), h->seen);",
     "uint64_t number = term_number_above(side_other(h->side), h->hold.term.number);", ANY),
    ("a batch is taken wherever the copy stands", "core/copy.c",
     "else if (head->after != stands || !has_followed(", "else if (!has_followed(", ANY),
    ("a module goes along although something of it lies in between", "core/copy.c",
     "stands >= head->others_upto &&", "stands >= head->after &&", ANY),
    ("a copy with changes of its own is overwritten", "core/copy.c",
     "answer.verdict = COPY_FORKED;\n    return answer;", "answer.verdict = COPY_COMPARE;\n    return answer;", ALONE),
    ("what both changed is as the tail has it", "core/salvage.c",
     "[TOUCHED] = {SALVAGE_CONFLICT, SALVAGE_CONFLICT}", "[TOUCHED] = {SALVAGE_APPLY, SALVAGE_APPLY}", ALONE),
    ("what had come of a term before its holder was lost counts as changed since", "core/salvage.c",
     "here.usn <= q->base || here.term != q->known.term", "true", ALONE),
    ("a tail goes when it was told, and not when it is salvaged", "store/tail_reader.c",
     "*safe = whole && mark.upto >= run->end;", "*safe = whole;", ALONE),
    ("a tail is told before all of it is aside", "store/tail_reader.c",
     "tails->list[0].open && !reader->reads_open;", "false && tails->list[0].open;", ALONE),
    ("a holder that is asked to stop changes says that it was not kept", "core/handover.c",
     "    home_act(actions, ACTION_COMPLIED)->durable = h->hold.mode == h->mode;",
     "    home_act(actions, ACTION_COMPLIED)->durable = false;", ANY),
    ("who has released serves again when nobody has taken it by then", "core/home.c",
     "    } else if (h->mode == MODE_RELEASED) {\n        home_ask_partner(h, event, actions);",
     "    } else if (h->mode == MODE_RELEASED && event->now_ms >= h->handed_until_ms) {\n"
     "        home_open_term(h, CAUSE_DECLINED, home_next_term(h, event->dice), actions);\n"
     "    } else if (h->mode == MODE_RELEASED) {\n        home_ask_partner(h, event, actions);", ANY),
    ("who lost some of it is not refilled", "core/rejoin.c",
     "    return (!opened || lineage_has(ours, asked->term)) &&",
     "    return false && (!opened || lineage_has(ours, asked->term)) &&", PUT_BACK),
    ("a copy in a catch-up counts as whole by what a replica sends that came less far", "core/copy.c",
     "    return head->head > copy->whole_at.usn ? head->head : copy->whole_at.usn;\n",
     "    (void)copy;\n    return head->head;\n", CENTRAL_ALONE),
    ("a cookie is one further than what came with it", "store/apply.c",
     "        state->modules[step->module].cookie = step->version;\n",
     "        state->modules[step->module].cookie = step->version;\n"
     "        state->modules[step->module].cookie.usn++;\n", ANY),
]


def commands(build):
    """The compiler's command of each file, and the one that links the simulator."""
    compiled = {str((build / c["directory"] / c["file"]).resolve()): c["command"]
                for c in json.loads((build / "compile_commands.json").read_text())}
    out = subprocess.run(["ninja", "-C", build, "-t", "commands", "sim/sim"], check=True,
                         stdout=subprocess.PIPE, text=True).stdout
    link = [line for line in out.splitlines() if re.search(r"-o sim/sim ", line)]
    return compiled, link[-1]


def broken_sim(build, source, folder, place, text, instead):
    """A simulator with this in the place of that."""
    compiled, link = commands(build)
    original = (source / "src" / place).resolve()
    whole = original.read_text()
    assert whole.count(text) == 1, f"{place}: {text!r} stands there {whole.count(text)} times"
    changed = folder / original.name
    changed.write_text(whole.replace(text, instead))
    words = shlex.split(compiled[str(original)])
    words[words.index("-o") + 1] = str(folder / "changed.o")
    words[words.index("-c") + 1] = str(changed)
    if "-MF" in words:
        words[words.index("-MF") + 1] = str(folder / "changed.d")
    subprocess.run([*words, "-w"], cwd=build, check=True)
    linked = link.replace("-o sim/sim ", f"-o {folder}/sim {folder}/changed.o ", 1)
    subprocess.run(linked, shell=True, cwd=build, check=True)
    return folder / "sim"


def found_by(sim, worlds):
    """After how many seeds, and how; None: not at all."""
    for first in range(1, SEEDS_MAX, SEEDS_AT_ONCE):
        ran = subprocess.run([sim, "--seeds", f"{first}..{first + SEEDS_AT_ONCE - 1}", *worlds],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        if ran.returncode:
            said = re.search(r"# seed \d+: (.*)|Assertion .*", ran.stdout)
            return first + SEEDS_AT_ONCE - 1, said.group(0) if said else f"status {ran.returncode}"
    return None


def main():
    build, source = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    wanted = [way for way in WAYS if not sys.argv[3:] or any(w in way[0] for w in sys.argv[3:])]
    print(f"1..{len(wanted)}")
    bad = 0
    for number, (sentence, place, text, instead, worlds) in enumerate(wanted, 1):
        with tempfile.TemporaryDirectory() as folder:
            found = found_by(broken_sim(build, source, Path(folder), place, text, instead), worlds)
        bad += not found
        print(f"{'ok' if found else 'not ok'} {number} - it is found if {sentence}", flush=True)
        print(f"# within {found[0]} seeds: {found[1]}" if found else f"# not within {SEEDS_MAX} seeds", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
