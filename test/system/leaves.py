"""The keys of a home in a pool's file, read and changed from outside, as no daemon would: what leads
from each to its row lies in leaves, of some hundred keys each, with a sum over all of it."""

import ctypes

SUM, USN, SIZE = 8, 8, 2

xxhash = ctypes.CDLL("libxxhash.so.0")
xxhash.XXH3_64bits_withSeed.restype = ctypes.c_uint64
xxhash.XXH3_64bits_withSeed.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint64]


def sum_of(module, low, rest):
    seed = xxhash.XXH3_64bits_withSeed(low, len(low), module)
    return xxhash.XXH3_64bits_withSeed(rest, len(rest), seed).to_bytes(SUM, "little")


def keys_begin(leaf):
    """Behind the sum and whether it is the last one comes where it ends, which is a key."""
    size, at, shift = 0, SUM + 1, 0
    while True:
        size |= (leaf[at] & 0x7f) << shift
        at, shift = at + 1, shift + 7
        if leaf[at - 1] < 0x80:
            return at + size


def read_leaf(leaf):
    """Its keys, each with where it leads."""
    at, keys = keys_begin(leaf), []
    while at < len(leaf):
        usn = int.from_bytes(leaf[at:at + USN], "little")
        begin = at + USN + SIZE
        at = begin + int.from_bytes(leaf[begin - SIZE:begin], "little")
        keys.append((leaf[begin:at], usn))
    return keys


def write_leaf(module, low, leaf, keys):
    rest = leaf[SUM:keys_begin(leaf)] + b"".join(
        usn.to_bytes(USN, "little") + len(key).to_bytes(SIZE, "little") + key for key, usn in keys)
    return sum_of(module, low, rest) + rest


def change_leaves(db, item_table, change):
    """`change` is given the keys of each leaf, and returns those that are to be there instead."""
    table = item_table.replace("item", "leaf")
    for number, module, low, leaf in db.execute(f"SELECT id, module, low, leaf FROM {table}").fetchall():
        assert write_leaf(module, low, leaf, read_leaf(leaf)) == leaf, "not as it was understood here"
        db.execute(f"UPDATE {table} SET leaf = ? WHERE id = ?",
                   [write_leaf(module, low, leaf, change(read_leaf(leaf))), number])


def drop_keys(db, item_table, leads):
    """Those whose usns `leads` holds for."""
    change_leaves(db, item_table, lambda keys: [(key, usn) for key, usn in keys if not leads(usn)])
