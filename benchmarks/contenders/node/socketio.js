// Socket.IO on WebSocket alone: node socketio.js PORT

import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer();
const server = new Server(http, { transports: ["websocket"], perMessageDeflate: false });

server.on("connection", (socket) => {
  socket.on("post", (text) => server.emit("message", text));
});

http.listen({ host: "127.0.0.1", port: Number(process.argv[2]), backlog: 8192 });
