#include "scheduler.h"

#include <assert.h>
#include <stdlib.h>

struct task {
    uint64_t at, order;
    struct pool *pool; /* NULL: nobody's */
    uint64_t life;
    task_run *run;
    void *context;
};

/* A heap: the first to happen on top. */
struct scheduler {
    struct task *tasks;
    size_t count, room;
    uint64_t planned;
};

struct scheduler *scheduler_new(void)
{
    return xcalloc(1, sizeof(struct scheduler));
}

void scheduler_free(struct scheduler *s)
{
    for (size_t i = 0; i < s->count; i++)
        free(s->tasks[i].context);
    free(s->tasks);
    free(s);
}

static bool before(const struct task *a, const struct task *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void push(struct scheduler *s, struct task task)
{
    if (s->count == s->room) {
        s->room = s->room ? 2 * s->room : 64;
        s->tasks = xrealloc(s->tasks, s->room * sizeof *s->tasks);
    }
    task.order = s->planned++;
    size_t i = s->count++;
    for (; i > 0 && before(&task, &s->tasks[(i - 1) / 2]); i = (i - 1) / 2)
        s->tasks[i] = s->tasks[(i - 1) / 2];
    s->tasks[i] = task;
}

static struct task pop(struct scheduler *s)
{
    struct task first = s->tasks[0], last = s->tasks[--s->count];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child + 1 < s->count && before(&s->tasks[child + 1], &s->tasks[child]))
            child++;
        if (child >= s->count || !before(&s->tasks[child], &last))
            break;
        s->tasks[i] = s->tasks[child];
        i = child;
    }
    s->tasks[i] = last;
    return first;
}

void plan(struct world *w, uint64_t in_ms, task_run *run, void *context)
{
    push(w->scheduler, (struct task){.at = w->now + in_ms, .run = run, .context = context});
}

void plan_at(struct pool *pool, uint64_t in_ms, task_run *run, void *context)
{
    push(pool->world->scheduler, (struct task){.at = pool->world->now + in_ms,
                                               .pool = pool,
                                               .life = pool->life,
                                               .run = run,
                                               .context = context});
}

bool step_world(struct world *w)
{
    if (w->scheduler->count == 0)
        return false;
    struct task task = pop(w->scheduler);
    assert(task.at >= w->now);
    w->now = task.at;
    if (task.pool && task.life == task.pool->life && task.pool->paused_until > w->now) {
        task.at = task.pool->paused_until;
        push(w->scheduler, task);
        return true;
    }
    w->counts.steps++;
    if (!task.pool || (task.pool->up && task.life == task.pool->life))
        task.run(task.context);
    free(task.context);
    return true;
}
