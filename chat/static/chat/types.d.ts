/** The wire, and what the client library makes of it. For type checkers; browsers never load it. */

export interface Sender { id: string; name: string }
export interface Position { epoch: string; seq: number }
export interface Limits { text: number; frame: number; posts_per_second: number; window: number }
export interface RoomLine {
  room: string; title: string; online: number;
  /** Only where `rooms` was asked with `seen`. */
  unread?: number; members?: Sender[];
}

export type Ref = string | number;
export type Timer = ReturnType<typeof setTimeout> | undefined;

/** What a session may do in a room besides reading. */
export type Right = "post" | "moderate" | "ban";

/** Why a session may not post, until when, and a moderator's reason. */
export interface Silence {
  code?: "archived" | "sign_in" | "muted" | "locked"; until?: string; reason?: string;
}

export interface Welcome {
  type: "welcome"; version: number; session: string; sender: Sender; heartbeat: number; limits: Limits;
}
export interface Joined extends Silence {
  type: "joined"; room: string; title: string; epoch: string; head: number;
  recovered: boolean | null; online: number; members: Sender[]; ref?: Ref;
  may?: Right[];
}
export interface Message {
  type: "message"; room: string; seq: number; id: string; sender: Sender; text: string; at: string;
  edited_at?: string; deleted?: boolean;
}
export interface Edited {
  type: "edited"; room: string; seq: number; target: number; text: string; at: string;
}
export interface Deleted { type: "deleted"; room: string; seq: number; target: number; at: string }
export interface Ack {
  type: "ack"; room: string; seq: number; id?: string; duplicate?: boolean; target?: number; ref?: Ref;
}
export interface Left { type: "left"; room: string; ref?: Ref; code?: "removed"; reason?: string }
export interface Rights extends Silence { type: "rights"; room: string; may: Right[] }
export interface Moderated {
  type: "moderated"; room: string; action: Action; target: string | number; until?: string; reason?: string; ref?: Ref;
}
export interface History {
  type: "history"; room: string; messages: Message[]; more: boolean; ref?: Ref;
}
export interface Rooms { type: "rooms"; rooms: RoomLine[]; ref?: Ref }
export interface Renamed { type: "renamed"; sender: Sender; ref?: Ref }
export interface Presence {
  type: "presence"; room: string; online: number; joined: Sender[]; left: Sender[];
}
export interface Typing { type: "typing"; room: string; sender: Sender }
export interface Notice {
  type: "notice"; text: string; level: "info" | "warning";
  /** What says the same without words: events of that name, or, of the end of the session, `until` and `reason`. */
  code?: "rights" | "removed"; until?: string; reason?: string;
  /** Of what is for one room alone. */
  room?: string;
}
/** What one process did in the last minute, or all together; latencies in milliseconds. */
export interface Figures {
  sessions: number; rooms: number; posts: number; deliveries: number;
  ack_p50: number | null; ack_p99: number | null;
  fanout_p50: number | null; fanout_p99: number | null;
  batch: number | null; healed: number; slow: number; failures: number; errors: number;
  /** The names of those that somebody should look at. */
  red: string[];
}
export interface Process extends Figures {
  node: number; name: string; version: string; age: number; heard: number | null; silent: boolean;
}
export interface Live {
  type: "live"; at: string; total: Figures; processes: Process[]; ref?: Ref;
}
export interface Ping { type: "ping" }
export interface ErrorEvent {
  type: "error"; code: string; detail: string; ref?: Ref; id?: string; retry_after?: number;
}

/** An event that takes a seq of its room. */
export type Logged = Message | Edited | Deleted;
export type Reply =
  Joined | Ack | Left | Moderated | History | Rooms | Renamed | Live | ErrorEvent;
export type Event =
  Welcome | Logged | Reply | Rights | Presence | Typing | Notice | Ping;

/** What a moderator does: `delete` to a message, the others to somebody. */
export type Action = "delete" | "mute" | "unmute" | "remove" | "restore";

export type Command = { ref?: Ref } & (
  | { type: "join"; room: string; after?: Position; history?: number }
  | { type: "leave"; room: string }
  | { type: "post"; room: string; text: string; id: string }
  | { type: "edit"; room: string; seq: number; text: string }
  | { type: "delete"; room: string; seq: number }
  | { type: "moderate"; room: string; action: Action; target: string | number; until?: string; reason?: string }
  | { type: "typing"; room: string }
  | { type: "history"; room: string; before: number; limit?: number }
  | { type: "rooms"; seen?: Record<string, Position | number> }
  | { type: "rename"; name: string }
  | { type: "watch" }
  | { type: "unwatch" }
  | { type: "pong"; seen: Record<string, number> }
);

/** A way to the server: a WebSocket, or server-sent events and posts. */
export interface Transport {
  /** False, and nothing sent, where there is no connection. */
  send(commands: Command[]): boolean;
  close(): void;
  /** Where there is nothing to hear, silence is no bad sign. */
  readonly idle?: boolean;
}

/** A room that is read as a stream of events. */
export interface Reading {
  room: string;
  /** Where the next stream begins. */
  place: { history: string; after: string };
  /** Of a join that is not answered yet. */
  ref?: Ref;
  end: AbortController;
}

/** Who a transport talks to. */
export interface Hears {
  /** Rooms can be joined now. */
  ready(): void;
  events(events: Event[]): void;
  /** The end of a transport; a code of the protocol's, or 1006. */
  closed(code: number): void;
}

export type Way = (on: Hears) => Transport;
export type State = "connecting" | "open" | "waiting" | "closed";

/** A post of one's own that is not in the log yet. */
export interface Post {
  id: string; text: string; at: number; me: string;
  state: "waiting" | "stored" | "failed";
  code?: string;
}

/** A message as a page shows it; with seq 0, a post that is not in the log yet. */
export interface Line {
  seq: number; id: string; sender: Sender; text: string; at: Date;
  edited: boolean; deleted: boolean; post?: Post;
}

export interface ClientEvents {
  state: { state: State; code?: number };
  me: Sender;
  notice: Notice;
  /** After all events of one frame. */
  settled: undefined;
}

export interface RoomEvents {
  /** `fresh`: what is shown is not gone on with. */
  joined: { fresh: boolean; head: number };
  log: Logged;
  outbox: undefined;
  people: undefined;
  typing: Sender;
  /** Something went wrong with a post, or with joining; `retry_after` where it is tried again. */
  trouble: ErrorEvent;
  /** One may do something else than before; `code` is why one may not post. */
  rights: Silence;
  /** `code` is "removed" where somebody saw to that, for a `reason` or none. */
  left: Left;
}
