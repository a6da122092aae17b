/** A way to a server on which answers can be lost, and which can break. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

/** One way. */
export interface DeafProxy {
  readonly port: number;
  /** From now on nothing comes back from the server; what is sent to it still arrives. */
  deafen(): void;
  /** Breaks every connection; new ones work. */
  cut(): void;
}

/** Opens a way to a port of this machine; it ends with the test. */
export async function startDeafProxy(t: TestContext, to: number): Promise<DeafProxy> {
  const sockets = new Set<Socket>();
  let isDeaf = false;
  const server = createServer((client) => {
    const upstream = connect(to, '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
    }
    client.on('data', (bytes) => upstream.write(bytes)).on('close', () => upstream.destroy());
    upstream.on('data', (bytes) => isDeaf || client.write(bytes)).on('close', () => client.destroy());
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const cut = () => {
    isDeaf = false;
    for (const socket of sockets) socket.destroy();
  };
  t.after(() => {
    cut();
    server.close();
  });
  // A listening TCP server has an address that is no string.
  const { port } = server.address() as AddressInfo;
  return {
    port,
    cut,
    deafen() {
      isDeaf = true;
    },
  };
}
