"""The Open Charge Point Protocol: messages, the services they make up, and how they travel."""
