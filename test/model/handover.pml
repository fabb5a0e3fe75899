/* The hand-over of one home between two pools, for Spin: every order in which things can happen.
 *
 * What stands for what: a pool's record and mode are src/core/home.c and mode.c; what is said while
 * coming back is rejoin.c; demands and takes are handover.c; the operation is operation.c, with
 * only the steps that matter here (drain, copy the rest, release, take). README.md tells what is
 * left out, and why that may be.
 *
 * Each transition is one decision with its record durable, or not made at all. A process that ends
 * between a record and its answer is one whose answer is lost, and every answer may be lost. Time
 * is chance: a deadline may run out at any moment, and what is sent stays on its way until it is
 * lost, or has arrived twice.
 *
 * Two kinds of things are said. What is repeated until it is answered (questions, heartbeats) is
 * heard as it is now, at any moment; what may come late is a message in `net`. A grant counts only
 * while it can still be on its way: that is what the bounded lifetime of messages gives.
 *
 * Left out one at a time, each rule must be missed (test/model/check.py):
 *     NO_TAG            terms are numbers alone (rule 2)
 *     KEPT_TAG          a take opens the tag that the hand-over was named by (rule 2)
 *     NEXT_IS_PLUS_ONE  the next term is simply t + 1 (rule 1)
 *     UNCHECKED         a release is checked against nothing (rule 5)
 *     NOT_REPEATED      Released is said once (rule 6)
 *     GRANT_IGNORED     a pool takes alone while a grant that it gave is on its way (rule 8)
 *     HOLDER_PARTS      a backup gives its part up whatever it holds, and waves anybody through (rule 12)
 *     PARTED_UNHEARD    that it has no part any more does not count where it was released to it (rule 12)
 */
#ifndef CRASHES
#define CRASHES 2
#endif
#ifndef COMMANDS
#define COMMANDS 2
#endif
#ifndef ALONE
#define ALONE 1
#endif
#ifndef PUT_BACKS
#define PUT_BACKS 0
#endif
#ifndef PAIRINGS
#define PAIRINGS 0
#endif
#ifndef NET
#define NET 2
#endif
#define WRITES 2
#define NUMBERS 14

/* Modes; Closing is Serving here, and Resiliency is Standby. */
#define SERVING 1
#define DRAINING 2
#define RELEASED 3
#define STANDBY 4
#define REJOINING 5
#define PARTED 6 /* a backup that gave its part up: it only says so */

/* Messages. */
#define NOTHING 0
#define DRAIN 1
#define RELEASE 2
#define SAID_DRAINING 3
#define SAID_RELEASED 4
#define GRANT 5
#define QUESTION 6 /* of a pool that has released: a late one */

typedef Pool {
    byte mode;
    byte n, t;     /* its term: that it holds, or follows */
    byte seen;
    byte ton, tot; /* the term that it hands over to */
    byte rel;      /* what it has released */
    byte nonce;
    byte granted, granted_to; /* the last grant: a number, and a nonce, which gets it again */
    byte data      /* a bit for each change that it has */
}
typedef Message {
    byte kind;
    bit to;
    byte n, t;   /* the term that is handed over to; of a grant, the number and the nonce */
    byte d;      /* data */
    byte hn, ht, nonce; /* a question's: the term that was given away, and the nonce */
    byte times          /* that it may still arrive */
}

Pool p[2];
Message net[NET];
byte tags[20];   /* how often a number was named: the next tag is a new one */
byte opened[20]; /* its tags that were opened */
byte acked;      /* changes that were acknowledged */
byte writes;
bool parted;     /* taken alone, forced, or put back: then a change may be missing */
bool anew;       /* by the topology another pool shall be the backup */
bool paired;     /* and is: then it is p[1], and nobody knows the former one any more */
byte crashes = CRASHES, commands = COMMANDS, alones = ALONE, put_backs = PUT_BACKS;
bool quiet;      /* nothing goes wrong any more, and nobody types anything */

/* The operation: one at a time is enough, because what is left of an earlier one is in `net`. */
bit op_at;
byte op_step;    /* 0: none; 1: drains; 2: copies the rest; 3: releases */
byte op_n, op_t, op_d;

/* A store that may be put back. */
Pool kept;
bool has_kept;

hidden byte n, i, tag;
hidden byte fits;

#define holds(x) (p[x].mode == SERVING || p[x].mode == DRAINING)
/* Even numbers are pool 0's. */
#define opener(number) ((number) % 2)
#define max(a, b) ((a) > (b) -> (a) : (b))
#ifdef NEXT_IS_PLUS_ONE
#define next(x, above) (p[x].n + 1)
#define mine(number, x) true
#else
#define next(x, above) ((above) + 1 + (((above) + 1) % 2 != (x) -> 1 : 0))
#define mine(number, x) (opener(number) == (x))
#endif

inline fresh_tag(number)
{
#ifdef NO_TAG
    tag = 1
#else
    tags[number]++;
    tag = tags[number]
#endif
}

inline see(x, number) { p[x].seen = max(p[x].seen, number) }

/* A term is opened: once, and by nobody while the other one serves in that number. */
inline open_term(x, y, number, with)
{
    assert((opened[number] & (1 << with)) == 0);
    opened[number] = opened[number] | (1 << with);
    p[x].mode = SERVING;
    p[x].n = number;
    p[x].t = with;
    see(x, number);
    p[x].ton = 0; p[x].tot = 0; p[x].rel = 0;
    p[x].granted = 0; p[x].granted_to = 0;
    assert(!(holds(y) && p[y].n == number));
    op_ends(x)
}

inline op_ends(x)
{
    if
    :: op_step > 0 && op_at == x -> op_step = 0; op_n = 0; op_t = 0; op_d = 0
    :: else
    fi
}

inline take_term(x, y, number, named)
{
#ifdef KEPT_TAG
    tag = named;
#else
    fresh_tag(number);
#endif
    open_term(x, y, number, tag);
    assert(parted || (acked & ~p[x].data) == 0)
}

inline follow(x, number, with)
{
    p[x].mode = STANDBY;
    p[x].n = number;
    p[x].t = with;
    see(x, number);
    p[x].ton = 0; p[x].tot = 0; p[x].rel = 0
}

/* Where there is no room the message is lost. */
inline send(k, whom, a, b, c, e, f, g)
{
    i = 0;
    do
    :: i < NET && net[i].kind != NOTHING -> i++
    :: else -> break
    od;
    if
    :: i < NET ->
        net[i].kind = k; net[i].to = whom; net[i].n = a; net[i].t = b; net[i].d = c;
        net[i].hn = e; net[i].ht = f; net[i].nonce = g; net[i].times = 2
    :: else
    fi
}

inline lose(k)
{
    net[k].kind = NOTHING; net[k].to = 0; net[k].n = 0; net[k].t = 0; net[k].d = 0;
    net[k].hn = 0; net[k].ht = 0; net[k].nonce = 0; net[k].times = 0
}

inline lose_the_last(k)
{
    if
    :: net[k].kind != NOTHING && net[k].times == 0 -> lose(k)
    :: else
    fi
}

#define there(k, what) (net[k].kind == what)
#if NET == 2
#define nothing_is_on_its_way (there(0, NOTHING) && there(1, NOTHING))
#define any(what) (there(0, what) || there(1, what))
#define any_to(what, x) ((there(0, what) && net[0].to == x) || (there(1, what) && net[1].to == x))
#else
#define nothing_is_on_its_way (there(0, NOTHING) && there(1, NOTHING) && there(2, NOTHING))
#define any(what) (there(0, what) || there(1, what) || there(2, what))
#define any_to(what, x) ((there(0, what) && net[0].to == x) || (there(1, what) && net[1].to == x) \
                         || (there(2, what) && net[2].to == x))
#endif

#ifdef GRANT_IGNORED
#define no_grant_is_out(to_whom) true
#else
#define no_grant_is_out(to_whom) (!any_to(GRANT, to_whom))
#endif

inline new_nonce(x) { p[x].nonce++ }

/* The number is durable before it is said (rule 8). */
inline grant(x, y, hn_, ht_, nonce_)
{
    if
    :: p[x].granted > 0 && p[x].granted_to == nonce_ && p[x].granted == p[x].seen &&
       p[x].mode == STANDBY && p[x].n == hn_ && p[x].t == ht_ -> n = p[x].granted
    :: else ->
        n = next(y, p[x].seen);
        follow(x, hn_, ht_);
        see(x, n);
        p[x].granted = n;
        p[x].granted_to = nonce_
    fi;
    send(GRANT, y, n, 0, 0, 0, 0, nonce_)
}

/* Pool x is asked by the other one, which has released (home_weigh_released()). */
inline asked_by_released(x, y, hn_, ht_, ton_, tot_, rel_, nonce_)
{
    if
    :: p[x].n > hn_ || holds(x) || p[x].mode == PARTED -> skip /* heartbeats settle that */
    :: else ->
        see(x, ton_);
        if
        :: ton_ < p[x].seen || (p[x].n == hn_ && p[x].t == ht_ && p[x].mode == REJOINING) ->
            grant(x, y, hn_, ht_, nonce_)
        :: else ->
            if
            :: p[x].n != hn_ || p[x].t != ht_ -> follow(x, hn_, ht_)
            :: else ->
                if
                :: p[x].mode == STANDBY && (rel_ & ~p[x].data) == 0 -> take_term(x, y, ton_, tot_)
                :: else
                fi
            fi
        fi
    fi
}
/* Would that change anything? Else it is not a step. */
#define released_matters(x, y)                                                                        \
    (p[x].n <= p[y].n && !holds(x) && p[x].mode != PARTED &&                                       \
     (p[y].ton < p[x].seen || p[x].n != p[y].n || p[x].t != p[y].t ||                  \
      p[x].mode == REJOINING ||                                                                    \
      (p[x].mode == STANDBY && (p[y].rel & ~p[x].data) == 0)) &&                               \
     !(p[y].ton < p[x].seen && any_to(GRANT, y)))

inline deliver(k)
{
    if
    /* At the holder. */
    :: there(k, DRAIN) ->
        if
#ifdef NEXT_IS_PLUS_ONE
        :: p[net[k].to].mode == SERVING && net[k].n > p[net[k].to].n ->
#else
        :: p[net[k].to].mode == SERVING && net[k].n > p[net[k].to].seen ->
#endif
            p[net[k].to].mode = DRAINING;
            p[net[k].to].ton = net[k].n;
            p[net[k].to].tot = net[k].t;
            see(net[k].to, net[k].n)
        :: else
        fi;
        if
        :: p[net[k].to].mode == DRAINING && p[net[k].to].ton == net[k].n &&
           p[net[k].to].tot == net[k].t ->
            send(SAID_DRAINING, (1 - net[k].to), net[k].n, net[k].t, p[net[k].to].data, 0, 0, 0)
        :: else
        fi
    :: there(k, RELEASE) ->
#ifdef UNCHECKED
        fits = p[net[k].to].mode == DRAINING;
#else
        fits = p[net[k].to].mode == DRAINING && p[net[k].to].ton == net[k].n &&
               p[net[k].to].tot == net[k].t && p[net[k].to].data == net[k].d;
#endif
        if
        :: fits ->
            p[net[k].to].mode = RELEASED;
            p[net[k].to].rel = net[k].d;
            new_nonce(net[k].to);
            send(QUESTION, (1 - net[k].to), p[net[k].to].ton, p[net[k].to].tot, p[net[k].to].rel,
                 p[net[k].to].n, p[net[k].to].t, p[net[k].to].nonce)
        :: else
        fi;
        if
        :: p[net[k].to].mode == RELEASED && p[net[k].to].ton == net[k].n &&
           p[net[k].to].tot == net[k].t ->
            send(SAID_RELEASED, (1 - net[k].to), net[k].n, net[k].t, 0, 0, 0, 0)
        :: else
        fi
    /* At the taker. */
    :: there(k, SAID_DRAINING) ->
        if
        :: op_step == 1 && op_at == net[k].to && op_n == net[k].n && op_t == net[k].t ->
            op_step = 2;
            op_d = net[k].d
        :: else
        fi
    :: there(k, SAID_RELEASED) ->
        if
        :: op_step == 3 && op_at == net[k].to && op_n == net[k].n && op_t == net[k].t ->
            if
#ifdef NEXT_IS_PLUS_ONE
            :: p[op_at].mode == STANDBY && op_n > p[op_at].n ->
#else
            :: p[op_at].mode == STANDBY && op_n >= p[op_at].seen && op_n > p[op_at].n ->
#endif
                take_term(net[k].to, (1 - net[k].to), net[k].n, net[k].t)
            :: else -> op_ends(net[k].to)
            fi
        :: else
        fi
    /* At whoever asked. */
    :: there(k, GRANT) ->
        if
        :: (p[net[k].to].mode == REJOINING || p[net[k].to].mode == RELEASED) &&
           p[net[k].to].nonce == net[k].nonce && net[k].n > p[net[k].to].n ->
            /* Whoever granted it does not serve, and whoever has released is not taken from. */
            assert(!(holds((1 - net[k].to)) && p[(1 - net[k].to)].n > net[k].n));
            n = net[k].n;
            fresh_tag(n);
            open_term(net[k].to, (1 - net[k].to), n, tag)
        :: else
        fi
    :: there(k, QUESTION) ->
        asked_by_released(net[k].to, (1 - net[k].to), net[k].hn, net[k].ht, net[k].n, net[k].t, net[k].d,
                          net[k].nonce)
    fi
}

/* Everything that can happen at pool x, or to it. */
inline at(x, y)
{
    if
    /* Clients. */
    :: atomic { p[x].mode == SERVING && writes < WRITES && !quiet ->
        p[x].data = p[x].data | (1 << writes);
        acked = acked | (1 << writes);
        writes++ }
    /* Copying: by whoever holds, and by whoever has released. */
    :: atomic { (holds(x) || p[x].mode == RELEASED) && p[y].mode == STANDBY &&
                p[y].n == p[x].n && p[y].t == p[x].t && p[y].data != p[x].data ->
        p[y].data = p[x].data }
    /* x hears the other one: a higher term, or the same number with another tag. */
    :: atomic { p[y].n > p[x].n && p[y].n > 0 && p[x].mode != PARTED ->
        if
        :: opener(p[y].n) == x && p[x].mode != REJOINING ->
            see(x, p[y].n);
            p[x].mode = REJOINING; /* its store has forgotten it (rule 10) */
            new_nonce(x);
            op_ends(x)
        :: opener(p[y].n) == x && p[x].mode == REJOINING -> /* it is refilled, then */
            p[x].data = p[y].data;
            p[x].n = p[y].n;
            p[x].t = p[y].t;
            see(x, p[y].n);
            p[x].ton = 0; p[x].tot = 0; p[x].rel = 0
        :: opener(p[y].n) != x && (holds(y) || !holds(x)) ->
            follow(x, p[y].n, p[y].t)
        :: opener(p[y].n) != x && !holds(y) && p[x].mode == SERVING -> /* rule 9 */
            see(x, p[y].n);
            n = next(x, p[x].seen);
            fresh_tag(n);
            open_term(x, y, n, tag)
        :: opener(p[y].n) != x && !holds(y) && p[x].mode == DRAINING ->
            p[x].mode = SERVING; p[x].ton = 0; p[x].tot = 0
        fi }
    :: atomic { p[y].n == p[x].n && p[y].t != p[x].t && holds(y) && p[x].mode != PARTED &&
                opener(p[x].n) != x -> follow(x, p[y].n, p[y].t) }
    :: atomic { p[y].seen > p[x].seen && !quiet -> see(x, p[y].seen) }
    /* x waits for a grant, and the other one has not taken. */
    :: atomic { p[x].mode == REJOINING && p[x].n >= p[y].n && opener(p[x].n) == x &&
                !holds(y) && p[y].mode != PARTED && !(op_step > 0 && op_at == y) &&
                !any_to(GRANT, x) ->
        see(y, p[x].seen);
        grant(y, x, p[x].n, p[x].t, p[x].nonce) }
#ifndef NOT_REPEATED
    /* x has released, and says so until it is answered. */
    :: atomic { p[x].mode == RELEASED && released_matters(y, x) ->
        asked_by_released(y, x, p[x].n, p[x].t, p[x].ton, p[x].tot, p[x].rel, p[x].nonce) }
#endif
    /* The taker's deadline ran out, or it called it off. */
    :: atomic { p[x].mode == DRAINING -> p[x].mode = SERVING; p[x].ton = 0; p[x].tot = 0 }
    /* An administrator has x take the home. */
    :: atomic { p[x].mode == STANDBY && op_step == 0 && commands > 0 && !quiet && p[x].n > 0 ->
        commands--;
        op_at = x;
        op_step = 1;
        op_n = next(x, max(p[x].seen, p[y].seen));
        fresh_tag(op_n);
        op_t = tag }
    /* … or take it without the holder; or serve what it waits for. */
    :: atomic { (p[x].mode == STANDBY || p[x].mode == RELEASED || p[x].mode == REJOINING) &&
                alones > 0 && !quiet && p[x].n > 0 && no_grant_is_out(y) ->
        alones--;
        parted = true;
        n = next(x, p[x].seen);
        fresh_tag(n);
        open_term(x, y, n, tag) }
    /* A process ends and starts again, or did not run for long. */
    :: atomic { crashes > 0 && !quiet ->
        crashes--;
        if
        :: holds(x) -> p[x].mode = REJOINING; p[x].ton = 0; p[x].tot = 0
        :: else
        fi;
        p[x].granted = 0; p[x].granted_to = 0;
        new_nonce(x);
        op_ends(x) }
#if PUT_BACKS > 0
    /* The backup's store is put back to an older copy: no message lives so long. */
    :: atomic { x == 1 && !has_kept && p[1].n > 0 && put_backs > 0 && !quiet ->
        has_kept = true;
        kept.mode = p[1].mode; kept.n = p[1].n; kept.t = p[1].t; kept.seen = p[1].seen;
        kept.ton = p[1].ton; kept.tot = p[1].tot; kept.rel = p[1].rel; kept.data = p[1].data }
    :: atomic { x == 1 && has_kept && put_backs > 0 && !quiet && nothing_is_on_its_way ->
        put_backs--;
        parted = true;
        op_ends(1);
        p[1].mode = (kept.mode == SERVING || kept.mode == DRAINING -> REJOINING : kept.mode);
        p[1].n = kept.n; p[1].t = kept.t; p[1].seen = kept.seen;
        p[1].ton = (p[1].mode == RELEASED -> kept.ton : 0);
        p[1].tot = (p[1].mode == RELEASED -> kept.tot : 0);
        p[1].rel = kept.rel; p[1].data = kept.data;
        p[1].granted = 0; p[1].granted_to = 0;
        new_nonce(1) }
#endif
    fi
}

/* What is on its way between the home pool and its former backup. Of that a demand is refused, for
 * who asks is not its partner; a grant that comes late is the home pool's to refuse. */
#define is_of_the_former(k)                                                                        \
    (net[k].kind != NOTHING && (net[k].to == 1 || there(k, DRAIN) || there(k, RELEASE)))
inline forget_the_former(k)
{
    if
    :: is_of_the_former(k) -> lose(k)
    :: else
    fi
}

/* The new backup knows nothing yet. */
inline name_another()
{
    paired = true;
    p[1].mode = REJOINING;
    p[1].n = 0; p[1].t = 0; p[1].seen = 0; p[1].ton = 0; p[1].tot = 0; p[1].rel = 0;
    p[1].data = 0; p[1].granted = 0; p[1].granted_to = 0;
    new_nonce(1);
    forget_the_former(0);
    forget_the_former(1)
}

#ifdef HOLDER_PARTS
#define may_part true
#define knows_less false
#else
#define may_part (p[1].mode == STANDBY)
#define knows_less (p[0].n < p[1].n || (!parted && (p[1].data & ~p[0].data) != 0))
#endif
#ifdef PARTED_UNHEARD
#define hears_parted (p[0].mode == SERVING || p[0].mode == REJOINING)
#else
#define hears_parted (p[0].mode == SERVING || p[0].mode == REJOINING || p[0].mode == RELEASED)
#endif

#define on_its_way(k)                                                                              \
    :: atomic { net[k].kind != NOTHING -> net[k].times--; deliver(k); lose_the_last(k) }                                             \
    :: atomic { net[k].kind != NOTHING -> lose(k) }

active proctype everything()
{
    /* The home was created by its pool, and the other one follows. */
    d_step {
        tags[2] = 1;
        opened[2] = 2;
        p[0].mode = SERVING; p[0].n = 2; p[0].t = 1; p[0].seen = 2;
        p[1].mode = STANDBY; p[1].n = 2; p[1].t = 1; p[1].seen = 2
    }
end:
    do
    /* Far enough: what is left would only count higher. */
    :: atomic { p[0].seen >= NUMBERS || p[1].seen >= NUMBERS -> break }
    :: at(0, 1)
    :: at(1, 0)
    on_its_way(0)
    on_its_way(1)
#if NET > 2
    on_its_way(2)
#endif
#if PAIRINGS > 0
    /* Another topology; the backup gives up; and the home pool, which asks it, opens a term that names
     * the new one. */
    :: atomic { !anew && !quiet -> anew = true }
    :: atomic { anew && !paired && p[1].mode != PARTED && may_part -> p[1].mode = PARTED; op_ends(1) }
    :: atomic { p[1].mode == PARTED && hears_parted && !knows_less ->
        see(0, p[1].seen);
        n = next(0, p[0].seen);
        fresh_tag(n);
        open_term(0, 1, n, tag);
        assert(parted || (acked & ~p[0].data) == 0);
        name_another() }
#endif
    /* The operation. */
    :: atomic { op_step == 1 && !any(DRAIN) ->
        send(DRAIN, (1 - op_at), op_n, op_t, 0, 0, 0, 0) }
    :: atomic { op_step == 2 && p[op_at].data == op_d -> op_step = 3 }
    :: atomic { op_step == 3 && !any(RELEASE) ->
        send(RELEASE, (1 - op_at), op_n, op_t, op_d, 0, 0, 0) }
    :: atomic { op_step > 0 -> op_ends(op_at) } /* called off, or out of patience */
    :: atomic { !quiet -> quiet = true }
    /* Nothing more can happen: then one serves, and the other one has all of it. */
    :: atomic { timeout ->
        assert(holds(0) != holds(1));
        assert(p[0].mode == STANDBY || p[1].mode == STANDBY);
        assert(p[0].n == p[1].n && p[0].t == p[1].t && p[0].data == p[1].data);
        break }
    od
}
