"""The keys of a home in a pool's file, read and changed from outside, as no daemon would: what leads
from each to its row lies in leaves, of some hundred keys each, with a sum over all of it."""

import ctypes
import os

SUM, SIZE, SPELLING = 8, 4, 2
STORED = 8140  # with where it begins

xxhash = ctypes.CDLL("libxxhash.so.0")
xxhash.XXH3_64bits_withSeed.restype = ctypes.c_uint64
xxhash.XXH3_64bits_withSeed.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint64]


def sum_of(module, low, rest):
    seed = xxhash.XXH3_64bits_withSeed(low, len(low), module | SPELLING << 8)
    return xxhash.XXH3_64bits_withSeed(rest, len(rest), seed).to_bytes(SUM, "little")


def read_number(leaf, at):
    number, shift = 0, 0
    while True:
        number |= (leaf[at] & 0x7f) << shift
        at, shift = at + 1, shift + 7
        if leaf[at - 1] < 0x80:
            return number, at


def spelled(number):
    spelled = b""
    while number >= 0x80:
        spelled += bytes([number & 0x7f | 0x80])
        number >>= 7
    return spelled + bytes([number])


def keys_begin(leaf):
    """Behind the sum, whether it is the last one, and where it ends; then comes how long they are."""
    size, at = read_number(leaf, SUM + 1)
    return at + size


def read_leaf(low, leaf):
    """Its keys, each with where it leads. Of each only that is there which follows what it has in common
    with the one before it."""
    begin = keys_begin(leaf) + SIZE
    at, end, key, keys = begin, begin + int.from_bytes(leaf[begin - SIZE:begin], "little"), low, []
    while at < end:
        usn, at = read_number(leaf, at)
        shared, at = read_number(leaf, at)
        size, at = read_number(leaf, at)
        key, at = key[:shared] + leaf[at:at + size], at + size
        keys.append((key, usn))
    return keys


def write_leaf(module, low, leaf, keys):
    before, entries = low, b""
    for key, usn in keys:
        shared = len(os.path.commonprefix([before, key]))
        entries += spelled(usn) + spelled(shared) + spelled(len(key) - shared) + key[shared:]
        before = key
    rest = leaf[SUM:keys_begin(leaf)] + len(entries).to_bytes(SIZE, "little") + entries
    rest += bytes(STORED - SUM - len(low) - len(rest))
    return sum_of(module, low, rest) + rest


def change_leaves(db, item_table, change):
    """`change` is given the keys of each leaf, and returns those that are to be there instead."""
    table = item_table.replace("item", "leaf")
    for number, module, low, leaf in db.execute(f"SELECT id, module, low, leaf FROM {table}").fetchall():
        assert write_leaf(module, low, leaf, read_leaf(low, leaf)) == leaf, "not as it was understood here"
        db.execute(f"UPDATE {table} SET leaf = ? WHERE id = ?",
                   [write_leaf(module, low, leaf, change(read_leaf(low, leaf))), number])


def drop_keys(db, item_table, leads):
    """Those whose usns `leads` holds for."""
    change_leaves(db, item_table, lambda keys: [(key, usn) for key, usn in keys if not leads(usn)])
