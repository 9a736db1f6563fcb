/* The pool's wake protocol (service/pool/wake_list.h, worker.cc, core.cc), for SPIN.
 *
 * Submitters publish work and call Notify(); workers search, take, park and sleep; a controller
 * tells parked workers to leave and starts them again. One step of the model is one access to a
 * shared word. The list's word (top of the stack, searchers, tag) is changed by read-modify-writes
 * alone, and its tag makes a stale one fail, so that each change is one step here.
 *
 * Claim: when nobody can go on, no work waits (no lost wake-up), and nobody is counted as searching
 * who does not search. Batched wake-ups (base/wake_batch.h) are a Notify() that comes later, after
 * another look: the submitter's BATCH does that.
 *
 * Each of these seeds a fault that must be found: NO_LOOK_AFTER_PARK, NO_LOOK_AFTER_SEARCH,
 * LEAVING_COUNTS_AS_WOKEN, SLEEP_BEFORE_PUSH, NO_LOOK_AFTER_BATCH.
 */
#ifndef WORKERS
#define WORKERS 2
#endif
#ifndef SUBMITTERS
#define SUBMITTERS 1
#endif
#ifndef ITEMS
#define ITEMS 1 /* Of each submitter. */
#endif
#ifndef RETIRES
#define RETIRES 1
#endif
#define NONE 255

mtype = { vacant, running, parked, leaving };

byte work = 0;      /* Published and not taken. */
byte ran = 0;
bool has_long = false;
byte searchers = 0; /* Of the word. */
byte top = NONE;    /* Of the word: the seat that was parked last. */
byte next[WORKERS];
mtype state[WORKERS];
bool in_stack[WORKERS];

/* WakeList::Notify(). It may pop seats that leave, until it finds one to wake. */
inline Notify(seat, woke) {
  do
  :: atomic {
       if
       :: searchers > 0 -> break
       :: searchers == 0 && top == NONE -> break
       :: else -> seat = top; top = next[seat]; searchers++
       fi
     };
     atomic { /* WakePopped: one compare-and-swap of the seat's own word. */
       in_stack[seat] = false;
       woke = (state[seat] == parked);
       if
       :: woke -> state[seat] = running
       :: else
       fi
     };
     if
     :: woke -> break
     :: else ->
#ifdef LEAVING_COUNTS_AS_WOKEN
        break
#else
        searchers-- /* It was leaving: its search is nobody's. Look on. */
#endif
     fi
  od
}

proctype Submitter() {
  byte i = 0, seat;
  bool woke;
  do
  :: i < ITEMS ->
     work++;
     Notify(seat, woke);
     i++
  :: else -> break
  od
}

/* A polling thread with a batch of work: it wakes at the end, if the work still waits then. */
proctype Batch() {
  byte seat;
  bool woke;
  work++;
  work++;
#ifndef NO_LOOK_AFTER_BATCH
  if
  :: work > 0 -> Notify(seat, woke)
  :: else
  fi
#endif
}

proctype Worker(byte me) {
  bool searching = false, took, was_in_stack, woke;
  byte seat;
  /* Its seat is RUNNING: the controller occupied it. */
  do
  :: atomic {
       took = (work > 0);
       if
       :: took -> work--
       :: else
       fi
     };
     if
     :: took ->
        if
        :: searching ->
           searchers--; /* StopSearching() */
           searching = false;
#ifndef NO_LOOK_AFTER_SEARCH
           if
           :: work > 0 -> Notify(seat, woke)
           :: else
           fi
#endif
        :: else
        fi;
        /* One task may last for ever: the rest must not wait behind it. */
        if
        :: atomic { !has_long -> has_long = true }; (work == 0)
        :: true
        fi;
        ran++
     :: else -> /* Park() */
#ifdef SLEEP_BEFORE_PUSH
        atomic { was_in_stack = in_stack[me]; state[me] = parked; in_stack[me] = true };
        (state[me] != parked);
#endif
        atomic { was_in_stack = in_stack[me]; state[me] = parked; in_stack[me] = true };
        atomic {
          if
          :: searching -> searchers--
          :: else
          fi;
          if
          :: !was_in_stack -> next[me] = top; top = me
          :: else
          fi
        };
        searching = false;
#ifndef NO_LOOK_AFTER_PARK
        if
        :: work > 0 -> Notify(seat, woke)
        :: else
        fi;
#endif
end_sleep:
        if
        :: state[me] == running -> searching = true
        :: state[me] == leaving -> break
        fi
     fi
  od;
  state[me] = vacant /* Vacate(): the seat may still be in the stack. */
}

/* Retires a parked worker, joins it, and starts one on the same seat again. */
proctype Controller() {
  byte left = RETIRES, seat = 0;
  do
  :: left == 0 -> break
  :: left > 0 ->
     /* Any seat but the last of those that live: one always stays. */
     if
     :: seat = 0
     :: WORKERS > 1 -> seat = 1
     fi;
     if
     :: atomic { state[seat] == parked && in_stack[seat] -> state[seat] = leaving };
        (state[seat] == vacant);
        atomic { state[seat] = running; run Worker(seat) } /* Occupy() */
     :: skip
     fi;
     left--
  od
}

init {
  byte i;
  atomic {
    i = 0;
    do
    :: i < WORKERS -> state[i] = running; next[i] = NONE; run Worker(i); i++
    :: else -> break
    od;
    i = 0;
    do
    :: i < SUBMITTERS -> run Submitter(); i++
    :: else -> break
    od;
    run Batch();
    run Controller()
  };
  /* Everybody sleeps or has ended. */
  timeout ->
  assert(work == 0);
  assert(ran == SUBMITTERS * ITEMS + 2);
  assert(searchers == 0)
}
