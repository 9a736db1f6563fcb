/* The pool's orderly end (service/pool/thread_pool.cc, core.cc), for SPIN: submissions that race
 * with Drain() and Stop(), and running work that submits more.
 *
 * One step of the model is one access to a shared word. Counters are counted as the pool does:
 * `submitted` before the push, `done` after the run; a drain reads `done` first.
 *
 * Claim: all that was accepted ran once or was handed back once; a drain that says that it is
 * complete left nothing behind that had been accepted when it looked; nothing starts after Stop().
 *
 * Each of these seeds a fault that must be found: SUBMITTED_READ_FIRST, COUNTED_AFTER_PUSH,
 * NO_LAST_LOOK, CHILDREN_REFUSED.
 */
#ifndef SUBMITTERS
#define SUBMITTERS 2
#endif
#ifndef WORKERS
#define WORKERS 2
#endif

mtype = { is_open, is_draining, is_closed };
mtype phase = is_open;
bool stopping = false;

byte waiting = 0;   /* In the rings. */
byte submitted = 0;
byte done = 0;
byte returned = 0;
/* What the model knows and the pool does not. */
byte accepted = 0;  /* Submissions that were, or are being, taken. */
byte ran = 0;
byte refused_children = 0;
byte submitters = SUBMITTERS;
byte workers = WORKERS;
bool has_child = true;  /* One task submits another. */

inline Push() {
#ifdef COUNTED_AFTER_PUSH
  atomic { waiting++; accepted++ };
  submitted++
#else
  submitted++;
  atomic { waiting++; accepted++ }
#endif
}

proctype Submitter() {
  if
  :: phase == is_open -> Push()
  :: phase != is_open -> skip /* Refused: POOL_DRAINING. */
  fi;
  submitters--
}

proctype Worker() {
  bool has = false;
  do
  :: stopping -> break
  :: atomic { !stopping && waiting > 0 -> waiting--; has = true };
     /* The run. */
     if
     :: atomic { has_child -> has_child = false };
        if
#ifndef CHILDREN_REFUSED
        :: phase != is_closed -> Push()
        :: phase == is_closed -> skip
#else
        :: phase == is_open -> Push()
        :: phase == is_draining -> refused_children++
        :: phase == is_closed -> skip
#endif
        fi
     :: true
     fi;
     ran++;
     done++
  od;
  workers--
}

inline TakeAll() {
  atomic { returned = returned + waiting; waiting = 0 }
}

proctype Owner() {
  byte seen_done, seen_submitted, accepted_then;
  phase = is_draining;
  do
  :: /* With the last read, the model notes what had been accepted by then. */
#ifdef SUBMITTED_READ_FIRST
     seen_submitted = submitted;
     atomic { seen_done = done; accepted_then = accepted };
#else
     seen_done = done;
     atomic { seen_submitted = submitted; accepted_then = accepted };
#endif
     if
     :: seen_done == seen_submitted ->
        assert(ran >= accepted_then); /* Complete. */
        break
     :: else
     fi
  :: break /* The deadline. */
  od;
  phase = is_closed;
  TakeAll();
  /* Stop(): its caller lets nobody submit any more. */
  (submitters == 0);
  stopping = true;
  (workers == 0);
#ifndef NO_LAST_LOOK
  TakeAll();
#endif
  assert(waiting == 0);
  assert(ran + returned == accepted);
  assert(refused_children == 0)
}

init {
  byte i;
  atomic {
    i = 0;
    do
    :: i < WORKERS -> run Worker(); i++
    :: else -> break
    od;
    i = 0;
    do
    :: i < SUBMITTERS -> run Submitter(); i++
    :: else -> break
    od;
    run Owner()
  }
}
