// Server-sent events out of chunks of text (WHATWG HTML, 9.2.6), for a fetch that carries a token.

export interface Message {
  event: string;
  data: string;
  id: string | null;
}

/** The most that one message may take; a server that sends more without an end is cut off. */
export const MAX_MESSAGE = 4 << 20;

/** Takes chunks in any split and gives back the messages that are complete. */
export class SseParser {
  private rest = '';
  private event = '';
  private data: string[] = [];
  private size = 0;
  lastId: string | null = null;

  push(chunk: string): Message[] {
    const messages: Message[] = [];
    this.rest += chunk;
    for (;;) {
      const end = this.rest.search(/\r\n|\n|\r(?!$)/);
      if (end < 0) break;
      const line = this.rest.slice(0, end);
      this.rest = this.rest.slice(end + (this.rest.startsWith('\r\n', end) ? 2 : 1));
      const message = this.line(line);
      if (message) messages.push(message);
    }
    if (this.rest.length + this.size > MAX_MESSAGE) throw new Error('a message without an end');
    return messages;
  }

  private line(line: string): Message | null {
    if (line === '') {
      const done = this.data.length > 0;
      const message = { event: this.event || 'message', data: this.data.join('\n'), id: this.lastId };
      this.event = '';
      this.data = [];
      this.size = 0;
      return done ? message : null;
    }
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') this.event = value;
    else if (field === 'id' && !value.includes('\0')) this.lastId = value;
    else if (field === 'data') {
      this.data.push(value);
      this.size += value.length;
    }
    return null;
  }
}
